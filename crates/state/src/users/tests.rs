//! Users come, change, fail at the door and go.

use std::time::{Duration, UNIX_EPOCH};

use super::*;
use crate::testing::each;

fn user(name: &str) -> User {
    User {
        name: name.to_owned(),
        display: name.to_uppercase(),
        password: Some(Secret::new("$argon2id$…".to_owned())),
        must_change: true,
        disabled: false,
        roles: vec!["developer".to_owned()],
        groups: vec!["cn=shop,dc=gems".to_owned(), "с пробелом".to_owned()],
        created: UNIX_EPOCH + Duration::from_secs(1_700_000_000),
        failures: 0,
        locked_until: None,
    }
}

#[tokio::test]
async fn what_is_written_comes_back_and_names_are_unique() {
    each(async |state| {
        let users = state.users();
        users.add(&user("boris")).await.unwrap();
        users.add(&user("anna")).await.unwrap();
        assert_eq!(users.all().await.unwrap(), [user("anna"), user("boris")]);
        assert_eq!(users.add(&user("anna")).await.unwrap_err().kind(), Kind::Taken);
        assert_eq!(users.add_all(&[user("clara"), user("anna")]).await.unwrap_err().kind(), Kind::Taken);
        assert_eq!(users.get("clara").await.unwrap(), None, "all or none");
        let changed = User { disabled: true, roles: Vec::new(), password: None, ..user("anna") };
        users.change(&changed).await.unwrap();
        let got = users.get("anna").await.unwrap().unwrap();
        assert!(got.disabled && got.roles.is_empty() && got.password.is_some());
        users.remove("anna").await.unwrap();
        assert_eq!(users.remove("anna").await.unwrap_err().kind(), Kind::NotFound);
        assert_eq!(users.change(&user("anna")).await.unwrap_err().kind(), Kind::NotFound);
        assert_eq!(state.changes().number(Users::TOPIC).await.unwrap(), 4);
    })
    .await;
}

#[tokio::test]
async fn failures_count_up_and_a_new_password_forgets_them() {
    each(async |state| {
        let users = state.users();
        users.add(&user("anna")).await.unwrap();
        assert_eq!((users.fail("anna").await.unwrap(), users.fail("anna").await.unwrap()), (1, 2));
        assert_eq!(users.fail("nobody").await.unwrap(), 0);
        let until = UNIX_EPOCH + Duration::from_secs(99);
        users.lock("anna", until).await.unwrap();
        assert_eq!(users.get("anna").await.unwrap().unwrap().locked_until, Some(until));
        users.unlock("anna").await.unwrap();
        assert_eq!(users.get("anna").await.unwrap().unwrap(), user("anna"));
        users.fail("anna").await.unwrap();
        users.set_password("anna", &Secret::new("new".to_owned()), false).await.unwrap();
        let got = users.get("anna").await.unwrap().unwrap();
        assert_eq!((got.failures, got.locked_until, got.must_change), (0, None, false));
        assert_eq!(got.password.unwrap().reveal(), "new");
        assert!(!format!("{:?}", user("anna")).contains("argon2"), "a hash must not reach a log");
    })
    .await;
}

#[tokio::test]
async fn there_is_one_first_user() {
    each(async |state| {
        assert!(state.users().add_first(&user("admin")).await.unwrap());
        assert!(!state.users().add_first(&user("admin")).await.unwrap());
        assert!(!state.users().add_first(&user("other")).await.unwrap());
        assert_eq!(state.users().count().await.unwrap(), 1);
    })
    .await;
}
