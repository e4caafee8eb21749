//! Both engines hold the same tables, take every statement, and keep what was acknowledged.
//!
//! PostgreSQL is used when `YINXIN_TEST_POSTGRES` names a server; `scripts/test` starts one.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use base::Timestamp;
use sqlx::{Executor, SqlSafeStr};

use crate::db::{Conn, Held, list, run};
use crate::dialect::{self, Engine};
use crate::rows::revocations::{self, After};
use crate::rows::{ALL_STATEMENTS, settings};
use crate::{Db, StoreError, Tx};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_507_200);

async fn sqlite() -> (Db, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:{}", folder.path().join("yinxin.db").display());
    (Db::open(&address).await.unwrap(), folder)
}

#[expect(clippy::disallowed_methods, reason = "a test is told by the environment where its PostgreSQL is")]
async fn postgres() -> Option<Db> {
    let Ok(address) = std::env::var("YINXIN_TEST_POSTGRES") else {
        eprintln!("skipped: no YINXIN_TEST_POSTGRES");
        return None;
    };
    Some(Db::open(&address).await.unwrap())
}

#[derive(sqlx::FromRow, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Column {
    table_name: String,
    column_name: String,
    type_name: String,
    required: i64,
}

async fn columns(conn: &mut Conn, engine: Engine) -> Result<Vec<Column>, StoreError> {
    list!(Column, conn, dialect::columns(engine))
}

#[tokio::test]
async fn every_statement_is_understood_by_both_engines() {
    let (db, _folder) = sqlite().await;
    for db in std::iter::once(db).chain(postgres().await) {
        let mut conn = db.read().await.unwrap();
        for (file, statements) in ALL_STATEMENTS {
            for sql in *statements {
                let prepared = match conn.engine().unwrap() {
                    Held::Sqlite(c) => c.prepare(sqlx::AssertSqlSafe(*sql).into_sql_str()).await.map(drop),
                    Held::Postgres(c) => c.prepare(sqlx::AssertSqlSafe(*sql).into_sql_str()).await.map(drop),
                };
                assert!(prepared.is_ok(), "{} {file}: {sql}: {prepared:?}", db.engine().as_str());
            }
        }
    }
}

#[tokio::test]
async fn what_holds_rows_is_understood_by_the_engine_with_many_writers() {
    let Some(db) = postgres().await else { return };
    let mut conn = db.read().await.unwrap();
    for sql in dialect::hold::ALL {
        let Held::Postgres(c) = conn.engine().unwrap() else { panic!("another engine") };
        let prepared = c.prepare(sqlx::AssertSqlSafe(*sql).into_sql_str()).await.map(drop);
        assert!(prepared.is_ok(), "{sql}: {prepared:?}");
    }
}

#[tokio::test]
async fn both_engines_have_the_same_tables_and_columns() {
    let (db, _folder) = sqlite().await;
    let ours = columns(&mut db.read().await.unwrap(), Engine::Sqlite).await.unwrap();
    assert!(ours.len() > 100, "only {} columns seen", ours.len());
    let Some(postgres) = postgres().await else { return };
    let theirs = columns(&mut postgres.read().await.unwrap(), Engine::Postgres).await.unwrap();
    let same_type = |t: &str| match t {
        "TEXT" | "text" => "text",
        "INTEGER" | "bigint" => "number",
        "BLOB" | "bytea" => "bytes",
        _ => "unknown",
    };
    // SQLite's primary keys of one TEXT column are nullable on paper; PostgreSQL's are not.
    let shape = |columns: &[Column]| -> BTreeSet<(String, String, &'static str)> {
        columns
            .iter()
            .map(|c| (c.table_name.clone(), c.column_name.clone(), same_type(&c.type_name)))
            .collect()
    };
    assert_eq!(shape(&ours), shape(&theirs));
    assert!(shape(&ours).iter().all(|(_, _, kind)| *kind != "unknown"));
}

#[tokio::test]
async fn a_dropped_transaction_leaves_nothing_and_others_go_on() {
    let (db, _folder) = sqlite().await;
    for db in std::iter::once(db).chain(postgres().await) {
        let mut tx = db.begin().await.unwrap();
        settings::add(&mut tx, "dropped", b"x").await.unwrap();
        drop(tx);
        let mut tx = db.begin().await.unwrap();
        settings::add(&mut tx, "kept", b"y").await.unwrap();
        tx.commit().await.unwrap();
        let mut conn = db.read().await.unwrap();
        assert_eq!(settings::lookup(&mut conn, "dropped").await.unwrap(), None);
        assert_eq!(settings::lookup(&mut conn, "kept").await.unwrap(), Some(b"y".to_vec()));
    }
}

async fn add_without_value(tx: &mut Tx, name: &str) -> Result<u64, StoreError> {
    run!(tx, "INSERT INTO setting (name) VALUES ($1)", name)
}

#[tokio::test]
async fn after_a_statement_that_failed_nothing_is_committed() {
    let (db, _folder) = sqlite().await;
    for db in std::iter::once(db).chain(postgres().await) {
        let mut tx = db.begin().await.unwrap();
        let before = format!("before-{}", db.engine().as_str());
        settings::add(&mut tx, &before, b"x").await.unwrap();
        let failed = add_without_value(&mut tx, &before).await.unwrap_err();
        assert!(matches!(failed, StoreError::Engine(_)), "{failed}");
        let late = settings::add(&mut tx, "late", b"x").await.unwrap_err();
        assert!(matches!(late, StoreError::Commit(_)), "{late}");
        let refused = tx.commit().await.unwrap_err();
        assert!(matches!(refused, StoreError::Commit(_)), "{refused}");
        assert_eq!(settings::lookup(&mut db.read().await.unwrap(), &before).await.unwrap(), None);
    }
}

/// As many at one moment as when an application is taken out of use.
#[tokio::test]
async fn everything_taken_back_at_one_moment_is_read_however_much_it_is() {
    const COUNT: usize = 10_007;
    let (db, _folder) = sqlite().await;
    for db in std::iter::once(db).chain(postgres().await) {
        let moment = NOW.plus_seconds(86_400 * 365);
        let mut tx = db.begin().await.unwrap();
        for number in 0..COUNT {
            let jti = format!("{}-{number:05}", db.engine().as_str());
            revocations::revoke_token(&mut tx, &jti, moment, moment.plus_seconds(60)).await.unwrap();
        }
        tx.commit().await.unwrap();
        let mut conn = db.read().await.unwrap();
        let (mut read, mut pages) = (BTreeSet::new(), 0);
        let mut after = Some(After::all_since(moment));
        while let Some(from) = after {
            let page = revocations::tokens_since(&mut conn, &from).await.unwrap();
            read.extend(page.taken_back.into_iter().map(|(jti, _)| jti));
            (after, pages) = (page.next, pages + 1);
        }
        assert_eq!((read.len(), pages), (COUNT, 2));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_one_time_code_is_used_once_however_many_try() {
    let (db, _folder) = sqlite().await;
    for db in std::iter::once(db).chain(postgres().await) {
        let mut tx = db.begin().await.unwrap();
        settings::add_enrolment(&mut tx, &[7; 32], "race", NOW, NOW.plus_seconds(60)).await.unwrap();
        tx.commit().await.unwrap();
        let winners = Arc::new(AtomicUsize::new(0));
        let racers: Vec<_> = (0..64)
            .map(|_| {
                let (db, winners) = (db.clone(), Arc::clone(&winners));
                tokio::spawn(async move {
                    let mut tx = db.begin().await.unwrap();
                    if settings::consume_enrolment(&mut tx, &[7; 32], "race", NOW).await.unwrap() {
                        tx.commit().await.unwrap();
                        winners.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        for racer in racers {
            racer.await.unwrap();
        }
        assert_eq!(winners.load(Ordering::Relaxed), 1, "{}", db.engine().as_str());
        let mut tx = db.begin().await.unwrap();
        settings::add_enrolment(&mut tx, &[8; 32], "race", NOW, NOW.plus_seconds(60)).await.unwrap();
        let late =
            settings::consume_enrolment(&mut tx, &[8; 32], "race", NOW.plus_seconds(60)).await.unwrap();
        assert!(!late, "an expired code must not work");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_in_a_group_are_each_seen_by_whoever_was_told() {
    let (db, _folder) = sqlite().await;
    let writers: Vec<_> = (0..200)
        .map(|n| {
            let db = db.clone();
            tokio::spawn(async move {
                let name = format!("group-{n}");
                let mut tx = db.begin().await.unwrap();
                settings::add(&mut tx, &name, b"v").await.unwrap();
                if n % 7 == 0 {
                    drop(tx);
                    return;
                }
                tx.commit().await.unwrap();
                let seen = settings::lookup(&mut db.read().await.unwrap(), &name).await.unwrap();
                assert_eq!(seen, Some(b"v".to_vec()), "{name} was acknowledged but is not there");
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let mut conn = db.read().await.unwrap();
    assert_eq!(settings::lookup(&mut conn, "group-7").await.unwrap(), None);
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:{}", folder.path().join("deep/yinxin.db").display());
    let db = Db::open(&address).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    assert!(settings::add(&mut tx, "kept", b"1").await.unwrap());
    assert!(
        !settings::add(&mut tx, "kept", b"2").await.unwrap(),
        "a second value must not replace the first"
    );
    tx.commit().await.unwrap();
    db.close().await;
    let again = Db::open(&address).await.unwrap();
    let value = settings::lookup(&mut again.read().await.unwrap(), "kept").await.unwrap();
    assert_eq!(value, Some(b"1".to_vec()));
    assert!(matches!(Db::open("mysql://x").await, Err(StoreError::UnknownEngine(_))));
}

/// Lets `work` take its first step and then goes away, as a handler does whose client hangs up.
async fn hang_up_on<T>(work: impl Future<Output = T>) {
    tokio::select! {
        biased;
        _ = work => {}
        () = std::future::ready(()) => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_goes_away_in_the_middle_blocks_nobody() {
    let (db, _folder) = sqlite().await;
    hang_up_on(db.begin()).await;
    for n in 0..20 {
        let mut tx = db.begin().await.unwrap();
        settings::add(&mut tx, &format!("abandoned-{n}"), b"a").await.unwrap();
        hang_up_on(tx.commit()).await;
        let name = format!("acknowledged-{n}");
        let mut tx = db.begin().await.unwrap();
        settings::add(&mut tx, &name, b"b").await.unwrap();
        tx.commit().await.unwrap();
        let seen = settings::lookup(&mut db.read().await.unwrap(), &name).await.unwrap();
        assert_eq!(seen, Some(b"b".to_vec()), "{name} was acknowledged but is not there");
    }
}

/// Lets `work` go on by one step; what came of it when that was the last.
async fn step<T>(work: &mut (impl Future<Output = T> + Unpin)) -> Option<T> {
    let mut work = Some(work);
    std::future::poll_fn(|context| match work.take() {
        Some(work) => Poll::Ready(match Pin::new(work).poll(context) {
            Poll::Ready(done) => Some(done),
            Poll::Pending => None,
        }),
        None => Poll::Ready(None),
    })
    .await
}

/// One is done and waits for the group to be committed, another too, and a third goes away while it begins, after however many steps.
#[tokio::test]
async fn who_goes_away_while_beginning_takes_nobody_elses_work_along() {
    let (db, _folder) = sqlite().await;
    for steps in 0..40 {
        let (one, other) = (format!("one-{steps}"), format!("other-{steps}"));
        let mut first = db.begin().await.unwrap();
        let (mut second, mut third) = (Box::pin(db.begin()), Box::pin(db.begin()));
        assert!(step(&mut second).await.is_none() && step(&mut third).await.is_none());
        settings::add(&mut first, &one, b"1").await.unwrap();
        let first = tokio::spawn(first.commit());
        let mut second = second.await.unwrap();
        settings::add(&mut second, &other, b"2").await.unwrap();
        let second = tokio::spawn(second.commit());
        for _ in 0..steps {
            tokio::task::yield_now().await;
            if step(&mut third).await.is_some() {
                break;
            }
        }
        drop(third);
        first.await.unwrap().unwrap();
        second.await.unwrap().unwrap();
        let mut conn = db.read().await.unwrap();
        for name in [&one, &other] {
            assert!(settings::lookup(&mut conn, name).await.unwrap().is_some(), "{name} was acknowledged");
        }
    }
}
