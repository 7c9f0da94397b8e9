//! Opening: rights of the file, odd paths, versions that do not fit, databases that do not answer.

use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::testing::each;

#[tokio::test]
async fn only_its_owner_may_read_the_file_and_its_companions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("with space?#%").join(Location::FILE);
    let state = State::open(&Location::File(path.clone())).await.unwrap();
    state.changes().bump("x").await.unwrap();
    let files: Vec<_> = std::fs::read_dir(path.parent().unwrap()).unwrap().map(|file| file.unwrap()).collect();
    assert!(files.len() >= 2, "the file and its log: {files:?}");
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.path());
    }
    state.close().await;
    let again = State::open(&Location::File(path)).await.unwrap();
    assert_eq!(again.changes().number("x").await.unwrap(), 1);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_told_at_once_with_its_path_and_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(Location::FILE);
    let state = State::open(&Location::File(path.clone())).await.unwrap();
    state.close().await;
    let good = std::fs::read(&path).unwrap();
    let mut torn = good.clone();
    torn.iter_mut().skip(100).for_each(|byte| *byte = 0xA5);
    for bytes in [b"this is no database, it is a text of some length".as_slice(), &torn] {
        std::fs::write(&path, bytes).unwrap();
        let error = State::open(&Location::File(path.clone())).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unusable, "{error}");
        let text = error.to_string();
        assert!(text.contains(&path.display().to_string()) && text.contains("bring it back from a backup"), "{text}");
    }
    std::fs::write(&path, good).unwrap();
    State::open(&Location::File(path)).await.unwrap();
}

#[tokio::test]
async fn a_transaction_that_is_dropped_leaves_nothing() {
    each(async |state| {
        let mut tx = state.begin().await.unwrap();
        sqlx::query("INSERT INTO changes (topic, number) VALUES ($1, $2)")
            .bind("t")
            .bind(7_i64)
            .execute(&mut *tx)
            .await
            .unwrap();
        drop(tx);
        assert_eq!(state.changes().number("t").await.unwrap(), 0);
        state.ping().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn many_writers_at_once_all_succeed() {
    each(async |state| {
        let writers = (0..32).map(|_| {
            let state = state.clone();
            async move { state.changes().bump("busy").await }
        });
        let mut set = tokio::task::JoinSet::new();
        writers.for_each(|writer| drop(set.spawn(writer)));
        while let Some(done) = set.join_next().await {
            done.unwrap().unwrap();
        }
        assert_eq!(state.changes().number("busy").await.unwrap(), 32);
    })
    .await;
}

#[tokio::test]
async fn a_database_that_is_not_there_is_unavailable_and_its_password_stays_secret() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("postgres://ops:hunter2@127.0.0.1:{nobody}/lapidary");
    let error = State::open(&Location::Postgres(stdx::Secret::new(address))).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    let error =
        State::open(&Location::Postgres(stdx::Secret::new("postgres://ops:hunter2@[".to_owned()))).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unusable);
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}
