//! The first admin, passwords, sessions.

use super::*;

#[tokio::test]
async fn the_first_start_makes_one_admin_who_must_choose_a_new_password() {
    let door = door(Declared::default()).await;
    let (name, password) = door.access.first_admin().await.unwrap().unwrap();
    assert!(door.access.first_admin().await.unwrap().is_none(), "one, once");
    let session = door.access.login(&name, &password).await.unwrap();
    assert!(session.must_change);
    let caller = door.by_session(&session.id).await.unwrap();
    assert!(matches!(caller.require(Permission::Users), Err(Denied::PasswordChange { .. })));
    let easy = door.access.change_password(&caller, &password, &secret("short")).await.unwrap_err();
    assert_eq!(easy.kind(), Kind::Invalid);
    let same = door.access.change_password(&caller, &password, &password).await.unwrap_err();
    assert_eq!(same.kind(), Kind::Invalid);
    let changed = door.access.change_password(&caller, &password, &secret("correct horse battery")).await.unwrap();
    assert_eq!(door.by_session(&session.id).await.unwrap_err(), Denied::Unauthenticated, "old sessions end");
    let caller = door.by_session(&changed.id).await.unwrap();
    assert!(caller.require(Permission::Users).is_ok() && caller.require(Permission::Read).is_ok());
    assert!(door.access.login(&name, &password).await.is_err(), "the first password is spent");
}

#[tokio::test]
async fn an_admin_is_made_unless_a_token_or_a_group_of_a_directory_may_let_people_in() {
    let token = |permission: Permission| Token {
        name: "ops".to_owned(),
        secret: secret("a-secret-of-enough-length"),
        tenants: vec![Tenant::default()],
        permissions: [permission].into(),
        ..Token::default()
    };
    let group = |role: &str| ("ops".to_owned(), Group { roles: list(&[role]) });
    let with_token = |permission| Declared { tokens: vec![token(permission)], ..Declared::default() };
    let with_group = |role| Declared { groups: vec![group(role)], ..Declared::default() };
    for (declared, has_directory, is_made) in [
        // Agents that push let nobody in.
        (with_token(Permission::Push), false, true),
        (with_token(Permission::Users), false, false),
        (Declared::default(), true, true),
        (with_group("developer"), true, true),
        (with_group("admin"), true, false),
        (with_group("admin"), false, true),
    ] {
        let told = format!("{declared:?} {has_directory}");
        let providers: Vec<Arc<dyn IdentityProvider>> =
            if has_directory { vec![Arc::new(Directory::default())] } else { Vec::new() };
        let door = door_with(declared, providers).await;
        assert_eq!(door.access.first_admin().await.unwrap().is_some(), is_made, "{told}");
    }
}

#[tokio::test]
async fn an_unknown_name_costs_the_same_verification_and_gives_the_same_answer() {
    let door = door(Declared::default()).await;
    door.user("anna", &[]).await;
    let before = door.access.passwords_verified();
    let known = door.access.login("anna", &secret("wrong password here")).await.unwrap_err();
    assert_eq!(door.access.passwords_verified(), before + 1);
    let unknown = door.access.login("nobody", &secret("wrong password here")).await.unwrap_err();
    assert_eq!(door.access.passwords_verified(), before + 2);
    assert_eq!(known, unknown);
    let change = UserChange { disabled: Some(true), ..UserChange::default() };
    door.access.change_user("anna", change).await.unwrap();
    let disabled = door.access.login("anna", &secret("correct horse battery")).await.unwrap_err();
    assert_eq!(door.access.passwords_verified(), before + 3);
    assert_eq!(disabled, unknown);
    for (name, password) in [("", "x"), ("anna", ""), ("anna", &"x".repeat(300)), (&"n".repeat(300), "x")] {
        assert_eq!(door.access.login(name, &secret(password)).await.unwrap_err(), unknown);
    }
}

#[tokio::test]
async fn after_some_wrong_passwords_the_door_is_locked_for_longer_and_longer() {
    let door = door(Declared::default()).await;
    door.user("anna", &[]).await;
    let wrong = async || door.access.login("Anna ", &secret("wrong password here")).await.unwrap_err();
    for _ in 0..5 {
        wrong().await;
    }
    let right = async || door.access.login("anna", &secret("correct horse battery")).await;
    assert!(right().await.is_err(), "locked after five");
    door.clock.advance(Duration::from_secs(31));
    wrong().await;
    door.clock.advance(Duration::from_secs(31));
    assert!(right().await.is_err(), "the second wait is twice as long");
    door.clock.advance(Duration::from_secs(31));
    assert!(right().await.is_ok());
    for _ in 0..5 {
        wrong().await;
    }
    let change = UserChange { unlock: true, ..UserChange::default() };
    door.access.change_user("anna", change).await.unwrap();
    assert!(right().await.is_ok(), "an admin unlocks");
}

#[tokio::test]
async fn guesses_that_come_all_at_once_are_no_more_than_others() {
    let door = door(Declared::default()).await;
    door.user("anna", &[]).await;
    let (wrong, right) = (secret("wrong password here"), secret("correct horse battery"));
    let guesses = (0..16).map(|guess| door.access.login("anna", if guess < 15 { &wrong } else { &right }));
    let answers = futures::future::join_all(guesses).await;
    assert!(answers.iter().all(Result::is_err), "the right one came behind the lock");
}

#[test]
fn the_wait_doubles_up_to_its_limit() {
    let lockout = Lockout::default();
    let waits: Vec<_> = [4, 5, 6, 9, 10, u32::MAX].map(|n| lockout.wait(n).map(|wait| wait.as_secs())).into();
    assert_eq!(waits, [None, Some(30), Some(60), Some(480), Some(900), Some(900)]);
}

#[tokio::test]
async fn a_session_ends_by_idleness_by_age_by_logout_and_when_its_user_goes() {
    let door = door(Declared::default()).await;
    door.user("anna", &["developer"]).await;
    let id = door.login("anna").await;
    assert!(!door.access.state.sessions().of(LOCAL, "anna").await.unwrap()[0].id.contains(id.reveal().as_str()));
    door.clock.advance(Duration::from_secs(8 * 3600 - 60));
    assert!(door.by_session(&id).await.is_ok(), "seen again");
    door.clock.advance(Duration::from_secs(8 * 3600 - 120));
    assert!(door.by_session(&id).await.is_ok());
    door.clock.advance(Duration::from_secs(8 * 3600));
    assert_eq!(door.by_session(&id).await.unwrap_err(), Denied::Unauthenticated, "idle");

    let id = door.login("anna").await;
    for _ in 0..24 {
        door.clock.advance(Duration::from_secs(7 * 3600 - 60));
        door.by_session(&id).await.unwrap();
    }
    door.clock.advance(Duration::from_secs(3600));
    assert_eq!(door.by_session(&id).await.unwrap_err(), Denied::Unauthenticated, "a week is over");
    assert!(door.access.purge().await.unwrap() >= 2);

    let (one, two) = (door.login("anna").await, door.login("anna").await);
    let caller = door.by_session(&one).await.unwrap();
    door.access.logout(&caller).await.unwrap();
    assert!(door.by_session(&one).await.is_err() && door.by_session(&two).await.is_ok());
    door.access.remove_user("anna").await.unwrap();
    assert!(door.by_session(&two).await.is_err());
    assert!(door.by_session(&secret("made-up")).await.is_err());
}

#[tokio::test]
async fn a_session_has_the_groups_that_its_person_has_now_and_ends_when_the_directory_knows_nobody_of_that_name() {
    let directory = Arc::new(Directory::default().with("lena", &["shop"]));
    let group = |name: &str, role: &str| (name.to_owned(), Group { roles: list(&[role]) });
    let declared = Declared { groups: vec![group("shop", "developer"), group("ops", "devops")], ..Declared::default() };
    let door = door_with(declared, vec![Arc::clone(&directory) as _]).await;
    let id = door.access.login("lena", &secret("from the directory")).await.unwrap().id;
    let roles = async || door.by_session(&id).await.map(|caller| caller.roles().map(str::to_owned).collect::<Vec<_>>());
    assert_eq!(roles().await.unwrap(), ["developer"]);
    directory.people.lock().unwrap()[0].groups = list(&["ops"]);
    assert_eq!(roles().await.unwrap(), ["devops"]);
    // Somebody else who got the name has not got the session.
    directory.people.lock().unwrap()[0].subject = "uid=another-lena".to_owned();
    assert_eq!(roles().await.unwrap_err(), Denied::Unauthenticated);
    directory.people.lock().unwrap()[0].subject = "uid=lena".to_owned();
    assert_eq!(roles().await.unwrap_err(), Denied::Unauthenticated, "it has ended for good");

    let id = door.access.login("lena", &secret("from the directory")).await.unwrap().id;
    directory.people.lock().unwrap().clear();
    assert_eq!(door.by_session(&id).await.unwrap_err(), Denied::Unauthenticated);
}

#[tokio::test]
async fn a_session_from_elsewhere_lasts_no_longer_than_its_provider_says_and_not_without_it() {
    let Door { access, clock, _folder: folder } = door(Declared::default()).await;
    let door = Door { access: access.with_logins_elsewhere(["corp".to_owned()]), clock, _folder: folder };
    let (provider, groups) = ("corp".to_owned(), list(&["shop"]));
    let lena = Identity { provider, subject: "1".to_owned(), name: "lena".to_owned(), groups };
    let hour = Duration::from_secs(3_600);
    let id = door.access.begin_session(lena.clone(), Some(hour)).await.unwrap().id;
    door.clock.advance(hour - Duration::from_secs(1));
    assert!(door.by_session(&id).await.is_ok());
    assert_eq!(door.access.logout(&door.by_session(&id).await.unwrap()).await.unwrap().as_deref(), Some("corp"));
    let id = door.access.begin_session(lena.clone(), Some(hour)).await.unwrap().id;
    door.clock.advance(hour);
    assert_eq!(door.by_session(&id).await.unwrap_err(), Denied::Unauthenticated);
    let gone = Identity { provider: "gone".to_owned(), ..lena };
    let id = door.access.begin_session(gone, None).await.unwrap().id;
    assert_eq!(door.by_session(&id).await.unwrap_err(), Denied::Unauthenticated, "that provider is no longer asked");
}

#[tokio::test]
async fn one_person_has_so_many_sessions_and_no_more() {
    let door = door(Declared::default()).await;
    door.user("anna", &[]).await;
    let first = door.login("anna").await;
    for _ in 0..20 {
        door.clock.advance(Duration::from_secs(1));
        door.login("anna").await;
    }
    assert_eq!(door.access.state.sessions().of(LOCAL, "anna").await.unwrap().len(), 20);
    assert!(door.by_session(&first).await.is_err(), "the oldest ended");
}
