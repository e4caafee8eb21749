//! A login's one-time things, each with its fate: a code, and the refresh tokens that follow it.

use std::fmt;

use super::client::{Answer, Broken, World};
use super::dice::Dice;

/// What became of a one-time thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Never shown to the program.
    Kept,
    /// Shown, and no answer came.
    Unanswered,
    /// Exchanged for its successor.
    Exchanged,
}

/// A code, then refresh tokens; all but the last are exchanged.
#[derive(Debug)]
pub(crate) struct Grant {
    application: &'static str,
    verifier: String,
    things: Vec<(String, Fate)>,
}

/// What held of grants, counted.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Held {
    /// Used up, shown again, refused.
    replayed: usize,
    /// Given out and never shown before: it worked.
    kept: usize,
    /// Shown without an answer, and used up.
    done: usize,
    /// Shown without an answer, and still good.
    undone: usize,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { replayed, kept, done, undone } = self;
        write!(f, "{kept} untouched codes and tokens worked, {replayed} used ones were refused; ")?;
        write!(f, "of {} exchanges without an answer {done} were done", done + undone)
    }
}

impl Grant {
    pub(crate) fn new(application: &'static str, verifier: String, code: String) -> Self {
        Self { application, verifier, things: vec![(code, Fate::Kept)] }
    }

    /// Exchanges the last one-time thing for its successor.
    pub(crate) async fn exchange(&mut self, world: &World) -> Result<(), Broken> {
        let last = self.things.len() - 1;
        self.things[last].1 = Fate::Unanswered;
        let answer = self.show(world, last, &self.things[last].0).await?.with(200)?;
        let successor = answer.json()["refresh_token"].as_str().map(str::to_owned);
        let successor =
            successor.ok_or_else(|| Broken::Unexpected(format!("no successor: {}", answer.text())))?;
        self.things[last].1 = Fate::Exchanged;
        self.things.push((successor, Fate::Kept));
        Ok(())
    }

    /// The last thing works if nobody showed it; a refresh token that was used a moment ago gets the same successor again, and the code,
    /// shown again, takes everything of the grant with it.
    ///
    /// The dice say whether the last thing is tried before.
    pub(crate) async fn hold_to_it(&self, world: &World, dice: &mut Dice, held: &mut Held) {
        let last = self.things.len() - 1;
        let tries_last = last == 0 || dice.once_in(2);
        let successor = if tries_last { self.exchange_last(world, held).await } else { None };
        for index in 1..last {
            self.assert_same_successor(world, index, &self.things[index + 1].0).await;
        }
        if let Some(successor) = successor.as_ref().filter(|_| last > 0) {
            self.assert_same_successor(world, last, successor).await;
        }
        if last > 0 || successor.is_some() {
            self.assert_refused(world, 0, "is used up").await;
            held.replayed += 1;
        }
        for index in 0..=last {
            self.assert_refused(world, index, "belongs to a grant of which something was shown twice").await;
        }
        if let Some(successor) = successor {
            let answer = self.show(world, last + 1, &successor).await.unwrap();
            assert_eq!(answer.status, 400, "the successor of something that was shown twice: {answer:?}");
        }
    }

    /// There are never two successors, over a kill or not.
    async fn assert_same_successor(&self, world: &World, index: usize, successor: &str) {
        let answer = self.show(world, index, &self.things[index].0).await.unwrap();
        let same = answer.status == 200 && answer.json()["refresh_token"] == successor;
        assert!(same, "{} was used a moment ago, but: {answer:?}", self.name(index));
    }

    /// Shows the last thing; its successor, unless an exchange that nobody heard of was done.
    async fn exchange_last(&self, world: &World, held: &mut Held) -> Option<String> {
        let last = self.things.len() - 1;
        let (thing, fate) = &self.things[last];
        let answer = self.show(world, last, thing).await.unwrap();
        match (fate, answer.status.as_u16()) {
            (Fate::Kept, 200) => held.kept += 1,
            (Fate::Unanswered, 200) => held.undone += 1,
            (Fate::Unanswered, 400) => held.done += 1,
            _ => panic!("{}: {answer:?}", self.name(last)),
        }
        answer.json()["refresh_token"].as_str().map(str::to_owned)
    }

    async fn assert_refused(&self, world: &World, index: usize, why: &str) {
        let answer = self.show(world, index, &self.things[index].0).await.unwrap();
        let refused = answer.status == 400 && answer.json()["error"] == "invalid_grant";
        assert!(refused, "{} {why}, but: {answer:?}", self.name(index));
    }

    /// Shows `thing`, the code (index 0) or a refresh token, to the token endpoint.
    async fn show(&self, world: &World, index: usize, thing: &str) -> Result<Answer, Broken> {
        let application = world.application(self.application);
        if index > 0 {
            let form = [("grant_type", "refresh_token"), ("refresh_token", thing)];
            return world.token_request(application, &form).await;
        }
        let form = [
            ("grant_type", "authorization_code"),
            ("code", thing),
            ("redirect_uri", &application.redirect_uris[0]),
            ("code_verifier", &self.verifier),
        ];
        world.token_request(application, &form).await
    }

    fn name(&self, index: usize) -> String {
        let what = if index == 0 { "the code".to_owned() } else { format!("refresh token {index}") };
        let fate = self.things[index].1;
        format!("{what} of {} ({fate:?}, of {} things)", self.application, self.things.len())
    }
}
