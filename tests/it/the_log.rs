//! The log that nobody can quietly change: what stands in it, what it publishes, and what the audit finds.

use std::fs;

use audit::tile::{needed_for_consistency, needed_for_inclusion};
use audit::{Checkpoint, Hash, Kind, LogKey, TileId, TileMap, tree};
use base::Id;
use base::id::Entry as EntryKind;
use serde_json::{Value, json};
use store::rows::audit::{self as rows, EntryRow};
use store::rows::{clients, ecerts, seals, signals};
use store::{Conn, Db};

use crate::kit::actors::Answer;
use crate::kit::app::{TestApp, stories};
use crate::kit::command::{Told, yinxin};
use crate::kit::documents::one_page;
use crate::kit::intruder::Intruder;

const WHOLE: &str = "The log is whole: every entry, tile and checkpoint agrees.";

stories! {
    async fn every_act_has_its_leaf(app: TestApp) {
        let set_up = kinds(&app, 0).await;
        assert_eq!(
            set_up.iter().filter(|kind| **kind == Kind::TokenKeyCreated).count(),
            5,
            "ES256, SM2, RS256, PS256, EdDSA"
        );
        assert_eq!(
            set_up.iter().filter(|kind| **kind == Kind::CertificateIssued).count(),
            5,
            "three authorities, two seals"
        );
        let mut size = app.log_size().await;
        let mut leaves = async || {
            let new = kinds(&app, size).await;
            size += new.len() as u64;
            new
        };
        let administrator = app.administrator_enrols().await;
        assert_eq!(leaves().await, [Kind::AccountEnrolled, Kind::AdminAct], "the account and its post");
        let token = administrator.token("openid admin").await;
        assert_eq!(leaves().await, [], "logins are many, and no acts of office");

        let client = json!({ "client_name#zh-CN": "新应用", "client_name#en": "New", "redirect_uris": ["http://localhost:9874/"] });
        assert_eq!(app.posts(&token, "/v1/clients", &client).await.status, 201);
        assert_eq!(leaves().await, [Kind::ClientRegistered]);
        let order = json!({ "unit": app.sample.units["gushan"], "name": "新印章" });
        let seal = app.posts(&token, "/v1/seals", &order).await;
        assert_eq!(leaves().await, [Kind::CertificateIssued, Kind::KeyStateChanged, Kind::SealMade]);
        app.moves_seal(&token, seal.text("id").parse().unwrap(), "suspended").await.unwrap();
        assert_eq!(leaves().await, [Kind::SealStateChanged]);

        let machine = app.machine_token().await;
        app.seals(&machine, app.sample.seals[0].id, one_page("通知")).await.unwrap();
        assert_eq!(leaves().await, [Kind::DocumentSealed]);
        let issued = app.posts(&machine, "/v1/certificates", &volunteer(&app)).await;
        assert_eq!(leaves().await, [Kind::DocumentSealed, Kind::EcertIssued]);
        let path = format!("/v1/certificates/{}/state", issued.text("identifier"));
        assert_eq!(app.posts(&machine, &path, &json!({ "state": "02" })).await.status, 200);
        assert_eq!(leaves().await, [Kind::EcertStateChanged]);
        assert_eq!(app.asks_for(&machine, "gushan-residents").await.status, 200);
        assert_eq!(leaves().await, [Kind::Decision]);
        assert_eq!(app.reports(&machine, "zhao.yi", "unusual_time", "low").await.status, 201);
        assert_eq!(leaves().await, [Kind::SignalReported]);
    }

    async fn each_artefact_has_its_proof_by_its_own_name(app: TestApp) {
        let key = app.log_key().await;
        let issued = app.posts(&app.machine_token().await, "/v1/certificates", &volunteer(&app)).await;
        let issuing = String::from_utf8(app.fetches("/pki/issuing.pem").await).unwrap();
        let mut asked = vec![
            (format!("seal={}", app.sample.seals[1].id), Kind::SealMade),
            (format!("ecert={}", issued.text("identifier")), Kind::EcertIssued),
            (
                format!("certificate={}", pki::Certificate::from_pem(&issuing).unwrap().serial_hex()),
                Kind::CertificateIssued,
            ),
        ];
        for set in ["/oauth2/jwks", "/oauth2/jwks-sm"] {
            let keys: Value = serde_json::from_slice(&app.fetches(set).await).unwrap();
            let keys = keys["keys"].as_array().unwrap().iter();
            asked.extend(
                keys.map(|key| {
                    (format!("token_key={}", key["kid"].as_str().unwrap()), Kind::TokenKeyCreated)
                }),
            );
        }
        assert_eq!(asked.len(), 8);
        for (query, kind) in asked {
            let proof = app.fetches(&format!("/v1/log/proof?{query}")).await;
            let proof = audit::InclusionProof::from_json(&proof).unwrap();
            proof.verify(&key).unwrap_or_else(|error| panic!("{query}: {error}"));
            let audit::proof::Leaf::Entry(entry) = proof.leaf else { panic!("{query}") };
            assert_eq!(entry.kind(), kind, "{query}");
        }
        let refused = async |path: &str| Answer::to(app.http().get(app.url(path))).await;
        refused("/v1/log/proof").await.assert_problem(400, "bad_query", "expected one of");
        refused("/v1/log/proof?seal=a&ecert=b").await.assert_problem(400, "bad_query", "expected one of");
        refused("/v1/log/proof?seal=sel_none").await.assert_problem(404, "no_such_artefact", "no such thing");
        refused("/v1/log/entries/log_none/proof").await.assert_problem(
            400,
            "bad_identifier",
            "expected an identifier like `log_`",
        );
        let other: Id<EntryKind> = Id::new(app.now(), &base::OsEntropy);
        refused(&format!("/v1/log/entries/{other}/proof")).await.assert_problem(
            404,
            "no_such_entry",
            "has no entry",
        );
    }

    async fn an_act_that_cannot_be_written_down_does_not_happen(app: TestApp) {
        let administrator = app.administrator_enrols().await;
        let admin = administrator.token("openid admin").await;
        let machine = app.machine_token().await;
        let seal = app.sample.seals[0].id;
        let client = json!({ "client_name#zh-CN": "新应用", "client_name#en": "New", "redirect_uris": ["http://localhost:9874/"] });
        let before = Kept::by(&app).await;
        let intruder = Intruder::at(&app);
        intruder.does("ALTER TABLE audit_entry RENAME TO audit_entry_away").await;

        let fault = |answer: &Answer| {
            answer.assert_problem(500, "internal", "name the reference");
            assert_eq!(answer.text("reference").len(), 12);
            assert!(
                !answer.body.to_string().contains("audit_entry"),
                "what is wrong inside is for the operator: {answer:?}"
            );
        };
        let decision = app.asks_for(&machine, "gushan-residents").await;
        fault(&decision);
        assert_eq!(decision.body.get("decision"), None, "no decision is given that is not in the log");
        assert_eq!(
            app.asks_for(&machine, "gushan-permits").await.body["decision"],
            true,
            "grade 2 needs no leaf"
        );
        fault(&app.reports(&machine, "lin.zhixing", "device_lost", "high").await);
        fault(&app.seals(&machine, seal, one_page("通知")).await.unwrap_err());
        fault(&app.posts(&machine, "/v1/certificates", &volunteer(&app)).await);
        fault(&app.moves_seal(&admin, seal, "suspended").await.unwrap_err());
        fault(&app.posts(&admin, "/v1/clients", &client).await);
        fault(
            &app.posts(&admin, "/v1/seals", &json!({ "unit": app.sample.units["gushan"], "name": "新印章" }))
                .await,
        );

        intruder.does("ALTER TABLE audit_entry_away RENAME TO audit_entry").await;
        assert_eq!(Kept::by(&app).await, before, "nothing of it happened");
        assert_eq!(
            app.asks_for(&machine, "gushan-residents").await.body["decision"],
            true,
            "nobody lost a device"
        );
        app.seals(&machine, seal, one_page("通知"))
            .await
            .expect("the seal is in use, and the service goes on");
        assert_eq!(app.posts(&machine, "/v1/certificates", &volunteer(&app)).await.status, 201);
        let told = app.audits(&[]);
        assert!(told.code == 0 && told.out.contains(WHOLE), "{told:?}");
    }

    async fn checkpoints_and_tiles_are_published_and_lead_to_one_another(app: TestApp) {
        let machine = app.machine_token().await;
        let (key, small) = (app.log_key().await, app.checkpoint().await);
        assert_eq!(key.name().as_str(), format!("{}/log", app.issuer.strip_prefix("http://").unwrap()));
        grow(&app, &machine, 300).await;
        let large = app.checkpoint().await;
        assert!(small.size() < large.size() && large.size() > 256, "{} and {}", small.size(), large.size());

        let mut leaves = Vec::new();
        for index in 0..=large.size() / 256 {
            leaves.extend(app.tile(TileId { level: 0, index }, large.size()).await);
        }
        assert_eq!(leaves.len() as u64, large.size());
        assert_eq!(tree::root_of(&leaves), *large.root(), "the tiles make the root that was signed");
        for entry in entries(&app, 250).await {
            let index = usize::try_from(entry.seq.unwrap()).unwrap();
            assert_eq!(Hash::leaf(&entry.body), leaves[index], "entry {index}");
        }
        let above = app.tile(TileId { level: 1, index: 0 }, large.size()).await;
        assert_eq!(above, [tree::root_of(&leaves[..256])]);

        // Anyone who kept an old checkpoint sees that nothing before it was rewritten.
        let mut tiles = TileMap::default();
        for id in needed_for_consistency(small.size(), large.size()).unwrap() {
            let hashes = app.fetches(&format!("/log/{}", id.path(id.width(large.size())))).await;
            tiles.extend([(id, audit::Tile::from_bytes(&hashes).unwrap())]);
        }
        let proof = tiles.consistency_proof(small.size(), large.size()).unwrap();
        tree::verify_consistency((small.size(), small.root()), (large.size(), large.root()), &proof).unwrap();
        let not_its_past =
            tree::verify_consistency((small.size(), large.root()), (large.size(), large.root()), &proof);
        assert!(not_its_past.is_err());
        assert!(needed_for_inclusion(large.size(), large.size()).is_err(), "one past the end is not in it");

        for path in [
            "0/002",
            "0/001",
            "0/000.p/256",
            "0/000.p/0",
            "0/1",
            "1/000",
            "9/000",
            "64/000",
            "x/000",
            "0/x000/000",
            "0/000.p/9999",
        ] {
            let answer = Answer::to(app.http().get(app.url(&format!("/log/tile/{path}")))).await;
            assert_eq!((answer.status, answer.text("code")), (404, "no_such_tile"), "{path}");
        }
    }

    async fn the_whole_log_is_audited_while_the_server_runs_and_after(app: TestApp) {
        let mut app = app;
        let machine = app.machine_token().await;
        let key = app.log_key().await.to_string();
        app.checkpoint().await;
        let writes = async {
            for _ in 0..6 {
                grow(&app, &machine, 60).await;
            }
        };
        let audits = async {
            for _ in 0..8 {
                let (data, database) = (app.config().data.clone(), app.config().database.clone());
                let told = tokio::task::spawn_blocking(move || audit_of(&data, database.as_deref(), &[]))
                    .await
                    .unwrap();
                assert!(told.code == 0 && told.out.contains(WHOLE), "while it is written to: {told:?}");
            }
        };
        tokio::join!(writes, audits);

        let size = app.log_size().await;
        app.stop().await;
        let told = app.audits(&[]);
        assert!(told.code == 0 && told.out.contains(WHOLE), "{told:?}");
        assert!(told.out.contains(&format!("entries  {size}\n")) && !told.out.contains("note"), "{told:?}");
        assert!(told.out.contains(&format!("key      {key}\n")), "{told:?}");
        assert_eq!(app.audits(&["--log-key", &key]).code, 0, "with the key as somebody kept it");
        let another = LogKey::new(key.parse::<LogKey>().unwrap().name().clone(), another_key()).to_string();
        let told = app.audits(&["--log-key", &another]);
        assert!(told.code == 1 && told.out.contains("THE LOG IS NOT WHOLE"), "{told:?}");
        assert_eq!(app.audits(&["--log-key", "x+y+z"]).code, 3);
        assert_eq!(yinxin(["audit", "verify", "--data", "nowhere"]).code, 3);
    }

    async fn a_log_that_was_cut_back_does_not_reach_a_kept_checkpoint(app: TestApp) {
        let mut app = app;
        let machine = app.machine_token().await;
        let middle = app.checkpoint().await.size();
        let earlier = app.fetches("/log/checkpoint").await;
        grow(&app, &machine, 20).await;
        let size = app.checkpoint().await.size();
        let kept = app.fetches("/log/checkpoint").await;
        assert!(size < 256, "one tile");
        app.stop().await;
        let folder = tempfile::tempdir().unwrap();
        let audited_with = |note: &[u8]| {
            let file = folder.path().join("checkpoint");
            fs::write(&file, note).unwrap();
            app.audits(&["--checkpoint", file.to_str().unwrap()])
        };
        assert_eq!(audited_with(&kept).code, 0);
        assert_eq!(audited_with(&earlier).code, 0);
        let other = String::from_utf8(kept.clone()).unwrap().replacen(&size.to_string(), &middle.to_string(), 1);
        let told = audited_with(other.as_bytes());
        assert!(told.code == 1 && told.out.contains("not signed by the log"), "{told:?}");
        assert_eq!(audited_with(b"no note").code, 3);

        let intruder = Intruder::at(&app);
        let db = Db::open(&app.database_address()).await.unwrap();
        let tile = rows::lookup_tile(&mut db.read().await.unwrap(), 0, 0).await.unwrap().unwrap();
        db.close().await;
        let shorter_tile = intruder.bytes(&tile[..usize::try_from(middle).unwrap() * 32]);
        let cut = format!(
            "DELETE FROM audit_entry WHERE seq >= {middle}; DELETE FROM audit_checkpoint WHERE size > {middle}; \
             UPDATE audit_head SET size = {middle}; UPDATE audit_tile SET hashes = {shorter_tile} WHERE level = 0"
        );
        intruder.does(&cut).await;
        assert_eq!(app.audits(&[]).code, 0, "what is left agrees with itself");
        assert_eq!(audited_with(&earlier).code, 0);
        let told = audited_with(&kept);
        let lost = format!("at entry number {middle}: got a checkpoint of size {size}");
        assert!(told.code == 1 && told.out.contains(&lost), "{told:?}");
    }

    async fn a_proof_is_checked_with_the_key_alone(app: TestApp) {
        let key = app.log_key().await.to_string();
        let proof = app.fetches(&format!("/v1/log/proof?seal={}", app.sample.seals[0].id)).await;
        let checked = |proof: &str, key: &str| {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("proof.json");
            fs::write(&file, proof).unwrap();
            yinxin(["audit", "proof", file.to_str().unwrap(), "--log-key", key])
        };
        let proof = String::from_utf8(proof).unwrap();
        let told = checked(&proof, &key);
        assert_eq!(told.code, 0, "{told:?}");
        assert!(
            told.out.contains("seal_made")
                && told.out.contains(&format!("about    {}\n", app.sample.seals[0].id)),
            "{told:?}"
        );
        let other_words = checked(&proof.replace("鼓山", "鼓楼"), &key);
        assert!(other_words.code == 1 && other_words.out.starts_with("NOT PROVEN"), "{other_words:?}");
        let another = LogKey::new(key.parse::<LogKey>().unwrap().name().clone(), another_key()).to_string();
        assert_eq!(checked(&proof, &another).code, 1, "another log's key");
        assert_eq!(checked("{}", &key).code, 1);
    }

    async fn what_is_changed_in_the_database_is_found_and_named(app: TestApp) {
        let mut app = app;
        let machine = app.machine_token().await;
        grow(&app, &machine, 120).await;
        let middle = app.checkpoint().await;
        grow(&app, &machine, 120).await;
        let size = app.log_size().await;
        assert!(size > 256, "a full tile, and one above it");
        app.stop().await;
        let intruder = Intruder::at(&app);
        let db = Db::open(&app.database_address()).await.unwrap();
        let mut conn = db.read().await.unwrap();
        let signal = last_signal(&mut conn, middle.size()).await;
        let (seq, body) = (signal.seq.unwrap(), String::from_utf8(signal.body.clone()).unwrap());
        let changed = body.replace("\"severity\":\"low\"", "\"severity\":\"high\"");
        assert_ne!(changed, body);
        let leaf_tile = rows::lookup_tile(&mut conn, 0, 0).await.unwrap().unwrap();
        let upper_tile = rows::lookup_tile(&mut conn, 1, 0).await.unwrap().unwrap();
        let checkpoints = rows::checkpoints_after(&mut conn, None, 1000).await.unwrap();
        let note = checkpoints.last().unwrap().note.clone();
        let agreed = checkpoints.iter().rfind(|checkpoint| checkpoint.size <= seq).unwrap().size;
        drop(conn);
        db.close().await;

        let finds = async |deed: &str, why: &str, undo: &str| {
            intruder.does(deed).await;
            let told = app.audits(&[]);
            assert_eq!(told.code, 1, "expected `{why}`: {told:?}");
            let found = told.out.contains("THE LOG IS NOT WHOLE: ") && told.out.contains(why);
            assert!(found, "expected `{why}`: {told:?}");
            intruder.does(undo).await;
            let told = app.audits(&[]);
            assert!(told.code == 0 && told.out.contains(WHOLE), "after `{why}`: {told:?}");
        };
        let bytes = |bytes: &[u8]| intruder.bytes(bytes);
        let set_body = |body: &str| {
            format!("UPDATE audit_entry SET body = {} WHERE seq = {seq}", bytes(body.as_bytes()))
        };
        let set_tile = |level: u8, tile: &[u8]| {
            format!("UPDATE audit_tile SET hashes = {} WHERE level = {level} AND idx = 0", bytes(tile))
        };
        let set_note =
            |note: &str| format!("UPDATE audit_checkpoint SET note = '{note}' WHERE size = {size}");
        let named =
            format!("at entry number {seq} (`{}`): the entry was changed after it was recorded", signal.id);
        finds(&set_body(&changed), &named, &set_body(&body)).await;

        // Whoever changes the recorded hash as well cannot sign the root that follows.
        let place = usize::try_from(seq).unwrap() * 32;
        let mut with_other_leaf = leaf_tile.clone();
        with_other_leaf[place..place + 32].copy_from_slice(Hash::leaf(changed.as_bytes()).as_bytes());
        let both = format!("{}; {}", set_body(&changed), set_tile(0, &with_other_leaf));
        let rewritten = format!("the signed root differs; some entry from number {agreed} on was rewritten");
        let undo = format!("{}; {}", set_body(&body), set_tile(0, &leaf_tile));
        finds(&both, &rewritten, &undo).await;

        let mut other_upper_tile = upper_tile.clone();
        other_upper_tile[7] ^= 1;
        let upper = "tile 0 of level 1 is not what the entries make it";
        finds(&set_tile(1, &other_upper_tile), upper, &set_tile(1, &upper_tile)).await;
        finds(&set_tile(0, &leaf_tile[..64]), "expected tile 0 of level 0", &set_tile(0, &leaf_tile)).await;
        let (origin, rest) = note.split_once('\n').unwrap();
        let other_size =
            note.replacen(&format!("{origin}\n{size}\n"), &format!("{origin}\n{}\n", size - 1), 1);
        assert_ne!(other_size, note, "{rest}");
        finds(&set_note(&other_size), "the checkpoint is not signed by the log", &set_note(&note)).await;
        let swap = |a: u64, b: u64| {
            format!(
                "UPDATE audit_entry SET seq = -1 WHERE seq = {a}; UPDATE audit_entry SET seq = {a} WHERE seq = {b}; \
                 UPDATE audit_entry SET seq = {b} WHERE seq = -1"
            )
        };
        let first = format!("at entry number {seq} (");
        finds(&swap(seq, seq + 1), &first, &swap(seq, seq + 1)).await;

        let hidden = format!("UPDATE audit_entry SET seq = -1 WHERE seq = {seq}");
        let missing = format!("expected the next entry, got number {}", seq + 1);
        finds(&hidden, &missing, &format!("UPDATE audit_entry SET seq = {seq} WHERE seq = -1")).await;
        let cut = format!("UPDATE audit_head SET size = {} WHERE id = 1", middle.size());
        let undo = format!("UPDATE audit_head SET size = {size} WHERE id = 1");
        finds(&cut, &format!("checkpoint of size {size}"), &undo).await;
        let put_in = format!(
            "INSERT INTO audit_entry (id, kind, subject, body, leaf_hash, at_us) \
             SELECT 'log_7zzzzzzzzzzzzzzzzzzzzzzzzz', kind, subject, {}, leaf_hash, at_us FROM audit_entry WHERE seq = 0",
            bytes(changed.as_bytes())
        );
        let undo = "DELETE FROM audit_entry WHERE seq IS NULL";
        finds(&put_in, "which waits for its place, is not what was written", undo).await;
    }
}

impl TestApp {
    /// The latest checkpoint, over every entry written so far, its signature checked.
    async fn checkpoint(&self) -> Checkpoint {
        let size = self.log_size().await;
        let note = String::from_utf8(self.fetches("/log/checkpoint").await).unwrap();
        let checkpoint = Checkpoint::open(&note, &self.log_key().await).unwrap();
        assert_eq!(checkpoint.size(), size);
        checkpoint
    }

    /// A published tile as it is in the log of `size` entries.
    async fn tile(&self, id: TileId, size: u64) -> Vec<Hash> {
        let bytes = self.fetches(&format!("/log/{}", id.path(id.width(size)))).await;
        audit::Tile::from_bytes(&bytes).unwrap().hashes().to_vec()
    }

    async fn asks_for(&self, token: &str, data_set: &str) -> Answer {
        let question = json!({
            "subject": { "type": "official", "id": self.person("lin.zhixing").sample.id },
            "action": { "name": "read" },
            "resource": { "type": "dataset", "id": data_set },
        });
        self.posts(token, "/access/v1/evaluation", &question).await
    }

    /// What `yinxin audit verify` says of this log, with more arguments.
    fn audits(&self, more: &[&str]) -> Told {
        audit_of(&self.config().data, self.config().database.as_deref(), more)
    }
}

fn audit_of(data: &std::path::Path, database: Option<&str>, more: &[&str]) -> Told {
    let database = database.map(|address| ["--database", address]);
    let arguments = ["audit", "verify", "--data", data.to_str().unwrap()];
    yinxin(arguments.into_iter().chain(database.into_iter().flatten()).chain(more.iter().copied()))
}

/// So many more entries: reports that move nobody's trust below any bar.
async fn grow(app: &TestApp, token: &str, count: usize) {
    for _ in 0..count {
        assert_eq!(app.reports(token, "zhao.yi", "unusual_time", "low").await.status, 201);
    }
}

/// The kinds of the entries from number `from` on, in the order of their names.
async fn kinds(app: &TestApp, from: u64) -> Vec<Kind> {
    let mut kinds: Vec<_> =
        entries(app, from).await.iter().map(|row| Kind::parse(&row.kind).unwrap()).collect();
    kinds.sort_by_key(|kind| kind.as_str());
    kinds
}

async fn entries(app: &TestApp, from: u64) -> Vec<EntryRow> {
    app.log_size().await;
    rows::in_order(&mut app.env().db.read().await.unwrap(), from, 1000).await.unwrap()
}

/// The last signal among the first `size` entries.
async fn last_signal(conn: &mut Conn, size: u64) -> EntryRow {
    let entries = rows::in_order(conn, 0, u32::try_from(size).unwrap()).await.unwrap();
    entries.into_iter().rfind(|row| row.kind == Kind::SignalReported.as_str()).unwrap()
}

fn volunteer(app: &TestApp) -> Value {
    json!({
        "type_code": app.sample.certificate_types["volunteer"], "holder_name": "张建国", "holder_type": "111",
        "holder_code": "35010219750301902X", "surface": { "hours": "120", "project": "社区助老" },
    })
}

/// A key that signs no log here.
fn another_key() -> gm::sm2::VerifyingKey {
    let key = gm::sm2::SigningKey::generate(&mut base::entropy::rng(&base::OsEntropy));
    key.verifying_key().clone()
}

/// How much is kept of everything that acts change.
#[derive(Debug, PartialEq)]
struct Kept {
    entries: u64,
    sealings: i64,
    certificates: i64,
    clients: usize,
    seals: Vec<(String, &'static str)>,
    signals: usize,
}

impl Kept {
    async fn by(app: &TestApp) -> Self {
        let entries = app.log_size().await;
        let mut conn = app.env().db.read().await.unwrap();
        let lin = app.person("lin.zhixing").sample.id.to_string();
        Self {
            entries,
            sealings: seals::count_sealings(&mut conn).await.unwrap(),
            certificates: ecerts::count(&mut conn).await.unwrap(),
            clients: clients::all(&mut conn).await.unwrap().len(),
            seals: seals::all(&mut conn)
                .await
                .unwrap()
                .iter()
                .map(|s| (s.id.to_string(), s.state.as_str()))
                .collect(),
            signals: signals::recent(&mut conn, &lin, base::Timestamp::from_us(0)).await.unwrap().len(),
        }
    }
}
