//! People of a real directory (Debian's slapd) log in, over every kind of connection; and what becomes of a login when the
//! directory is down, slow, or lies.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stderr, reason = "a suite that was left out says so")]

mod authority;
mod liar;
mod slapd;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use auth::{
    Bind, Directory, GroupName, GroupSearch, Groups, Identity, IdentityProvider as _, Ldap, Security, Server, Template,
};
use stdx::{Clock, ManualClock, Secret};
use tls::Tls;

use crate::authority::Authority;
use crate::liar::{Lie, liar};
use crate::slapd::Slapd;

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn server(port: u16, security: Security) -> Server {
    Server { host: "127.0.0.1".to_owned(), port, security }
}

fn members() -> Groups {
    Groups::Members(GroupSearch {
        base: "ou=groups,dc=shop".to_owned(),
        attribute: "member".to_owned(),
        name: GroupName::Attribute("cn".to_owned()),
    })
}

fn directory(servers: Vec<Server>, ca: Option<PathBuf>) -> Directory {
    Directory {
        name: "corp".to_owned(),
        servers,
        tls: Tls { ca, own: None },
        bind: Bind::Search(Some(("cn=reader,dc=shop".to_owned(), secret("reader-password")))),
        base: "ou=people,dc=shop".to_owned(),
        filter: Template::new("(&(objectClass=person)(uid={name}))").unwrap(),
        name_attribute: "uid".to_owned(),
        subject_attribute: Some("entryUUID".to_owned()),
        groups: members(),
        timeout: Duration::from_secs(20),
        cache: Duration::from_secs(60),
        outage: Duration::from_secs(600),
    }
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(std::time::SystemTime::UNIX_EPOCH))
}

fn ldap(directory: Directory) -> Ldap {
    Ldap::new(directory, clock() as Arc<dyn Clock>).unwrap()
}

async fn login(ldap: &Ldap, name: &str, password: &str) -> Option<Identity> {
    ldap.login(name, &secret(password)).await.unwrap()
}

#[tokio::test]
async fn people_log_in_with_the_groups_that_hold_their_groups() {
    let Some(slapd) = Slapd::start().await else { return };
    for groups in
        [members(), Groups::MemberOf { attribute: "memberOf".to_owned(), name: GroupName::Attribute("cn".to_owned()) }]
    {
        let ldap = ldap(Directory { groups, ..directory(vec![server(slapd.clear, Security::Clear)], None) });
        let anna = login(&ldap, "ANNA", "anna-password").await.unwrap();
        assert_eq!(
            (anna.provider.as_str(), anna.name.as_str()),
            ("corp", "anna"),
            "the directory's own spelling counts"
        );
        assert_eq!(anna.subject.len(), 36, "{}", anna.subject);
        // shop-developers are in developers, which are in staff, which are in developers.
        assert_eq!(anna.groups, ["developers", "shop-developers", "staff"]);
        assert!(login(&ldap, "boris", "boris-password").await.unwrap().groups.is_empty());
        assert_eq!(ldap.find("anna").await.unwrap().unwrap(), anna);
        assert_eq!(ldap.find("nobody").await.unwrap(), None);
    }
    let by_dn = Groups::Members(GroupSearch {
        base: "ou=groups,dc=shop".to_owned(),
        attribute: "member".to_owned(),
        name: GroupName::Dn,
    });
    let ldap = ldap(Directory { groups: by_dn, ..directory(vec![server(slapd.clear, Security::Clear)], None) });
    let anna = login(&ldap, "anna", "anna-password").await.unwrap();
    assert_eq!(anna.groups[0], "cn=developers,ou=groups,dc=shop");
}

#[tokio::test]
async fn nobody_gets_in_without_their_own_password() {
    let Some(slapd) = Slapd::start().await else { return };
    let direct = Bind::Direct(Template::new("uid={name},ou=people,dc=shop").unwrap());
    let searching = directory(vec![server(slapd.clear, Security::Clear)], None);
    for directory in [searching.clone(), Directory { bind: direct, ..searching }] {
        let ldap = ldap(directory);
        assert!(login(&ldap, "anna", "anna-password").await.is_some());
        for (name, password) in [
            ("anna", ""),
            ("anna", "\0"),
            ("anna", "boris-password"),
            ("anna", "Anna-password"),
            ("nobody", "anna-password"),
            ("", "anna-password"),
            ("*", "anna-password"),
            ("ann*", "anna-password"),
            ("anna)(uid=*", "anna-password"),
            ("anna)(|(uid=anna", "anna-password"),
            ("anna,ou=people,dc=shop", "anna-password"),
            ("anna+cn=x", "anna-password"),
            ("anna\0", "anna-password"),
            ("cn=reader,dc=shop", "reader-password"),
            (&"a".repeat(100_000), "anna-password"),
        ] {
            assert_eq!(login(&ldap, name, password).await, None, "{name:.40} {password:?}");
        }
    }
}

#[tokio::test]
async fn passwords_go_over_tls_and_only_to_a_server_that_an_authority_vouches_for() {
    let Some(slapd) = Slapd::start().await else { return };
    let stranger = slapd.folder.path().join("stranger.pem");
    Authority::new("stranger").write(&stranger);
    for (port, security) in [(slapd.secure, Security::Tls), (slapd.clear, Security::StartTls)] {
        let good = ldap(directory(vec![server(port, security)], Some(slapd.ca())));
        assert!(login(&good, "anna", "anna-password").await.is_some(), "{security:?}");
        assert!(login(&good, "anna", "wrong").await.is_none(), "{security:?}");
        for ca in [Some(stranger.clone()), None] {
            let bad = ldap(directory(vec![server(port, security)], ca));
            let refused = bad.login("anna", &secret("anna-password")).await.unwrap_err();
            assert!(!refused.to_string().contains("password"), "{refused}");
        }
    }
}

#[tokio::test]
async fn the_next_server_is_asked_when_one_is_away_but_not_when_one_says_no() {
    let Some(slapd) = Slapd::start().await else { return };
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let servers = vec![server(gone, Security::Clear), server(slapd.clear, Security::Clear)];
    let ldap = ldap(directory(servers, None));
    assert!(login(&ldap, "anna", "anna-password").await.is_some());
    assert!(login(&ldap, "anna", "wrong").await.is_none());
}

#[tokio::test]
async fn what_is_remembered_of_a_person_has_an_age_and_is_never_a_password() {
    let Some(mut slapd) = Slapd::start().await else { return };
    let clock = clock();
    let ldap = Ldap::new(directory(vec![server(slapd.clear, Security::Clear)], None), Arc::clone(&clock) as _).unwrap();
    let anna = login(&ldap, "anna", "anna-password").await.unwrap();
    slapd.stop().await;
    assert_eq!(ldap.find("anna").await.unwrap(), Some(anna));
    assert!(ldap.login("anna", &secret("anna-password")).await.is_err(), "a directory that is down lets nobody in");
    clock.advance(Duration::from_secs(61));
    assert!(ldap.find("anna").await.is_err());
}

#[tokio::test]
async fn a_session_follows_the_groups_of_the_directory_and_outlives_it_for_a_while() {
    let Some(mut slapd) = Slapd::start().await else { return };
    let clock = clock();
    let since = clock.now();
    let ldap = Ldap::new(directory(vec![server(slapd.clear, Security::Clear)], None), Arc::clone(&clock) as _).unwrap();
    let anna = login(&ldap, "ANNA", "anna-password").await.unwrap();
    slapd.change(
        &[],
        "dn: cn=shop-developers,ou=groups,dc=shop\nchangetype: modify\nreplace: member\nmember: uid=boris,ou=people,dc=shop\n",
    );
    assert_eq!(ldap.current(&anna, since).await.unwrap().as_ref(), Some(&anna), "remembered for a while");
    clock.advance(Duration::from_secs(61));
    let now = ldap.current(&anna, since).await.unwrap().unwrap();
    assert!(now.groups.is_empty() && now.subject == anna.subject, "{now:?}");
    // While the directory is away, what is known lasts for a bounded time.
    slapd.stop().await;
    clock.advance(Duration::from_secs(500));
    assert_eq!(ldap.current(&anna, since).await.unwrap(), Some(now.clone()));
    clock.advance(Duration::from_secs(101));
    assert!(ldap.current(&anna, since).await.is_err());
    // The same after a restart, from the login on.
    let again =
        Ldap::new(directory(vec![server(slapd.clear, Security::Clear)], None), Arc::clone(&clock) as _).unwrap();
    assert!(again.current(&anna, since).await.is_err());
    assert_eq!(again.current(&anna, clock.now()).await.unwrap(), Some(anna));
}

#[tokio::test]
async fn a_session_ends_with_the_person_in_the_directory() {
    let Some(slapd) = Slapd::start().await else { return };
    let clock = clock();
    let ldap = Ldap::new(directory(vec![server(slapd.clear, Security::Clear)], None), Arc::clone(&clock) as _).unwrap();
    let boris = login(&ldap, "boris", "boris-password").await.unwrap();
    slapd.change(&[], "dn: uid=boris,ou=people,dc=shop\nchangetype: delete\n");
    clock.advance(Duration::from_secs(61));
    assert_eq!(ldap.current(&boris, clock.now()).await.unwrap(), None);
    // Where nobody can be looked up, the session itself is short.
    let bind = Bind::Direct(Template::new("uid={name},ou=people,dc=shop").unwrap());
    let direct = Directory { bind, ..directory(vec![server(slapd.clear, Security::Clear)], None) };
    let direct = Ldap::new(direct, Arc::clone(&clock) as _).unwrap();
    assert_eq!(direct.current(&boris, clock.now()).await.unwrap(), Some(boris));
    assert!(direct.longest_session().is_some() && ldap.longest_session().is_none());
}

#[tokio::test]
async fn while_a_directory_is_silent_one_session_tries_and_the_others_go_on() {
    let liar = liar(Lie::Silent).await;
    let clock = clock();
    let mut silent = directory(vec![server(liar.port, Security::Clear)], None);
    silent.timeout = Duration::from_millis(300);
    let ldap = Ldap::new(silent, Arc::clone(&clock) as _).unwrap();
    let person = |name: &str| Identity {
        provider: "corp".to_owned(),
        subject: name.to_owned(),
        name: name.to_owned(),
        groups: vec!["staff".to_owned()],
    };
    let since = clock.now();
    clock.advance(Duration::from_secs(61));
    assert_eq!(ldap.current(&person("anna"), since).await.unwrap(), Some(person("anna")));
    let asked = liar.connections();
    for name in ["anna", "boris", "clara"] {
        assert_eq!(ldap.current(&person(name), since).await.unwrap(), Some(person(name)));
    }
    assert_eq!(liar.connections(), asked, "nobody waits for it again so soon");
    clock.advance(Duration::from_secs(11));
    assert_eq!(ldap.current(&person("boris"), since).await.unwrap(), Some(person("boris")));
    assert!(liar.connections() > asked);
}

#[tokio::test]
async fn a_service_user_that_is_refused_is_an_error_and_not_a_wrong_password() {
    let Some(slapd) = Slapd::start().await else { return };
    let bind = Bind::Search(Some(("cn=reader,dc=shop".to_owned(), secret("changed meanwhile"))));
    let ldap = ldap(Directory { bind, ..directory(vec![server(slapd.clear, Security::Clear)], None) });
    let error = ldap.login("anna", &secret("anna-password")).await.unwrap_err();
    assert!(error.to_string().contains("the user that searches is refused"), "{error}");
}

#[tokio::test]
async fn groups_that_cannot_be_followed_to_their_end_let_nobody_in() {
    let Some(slapd) = Slapd::start().await else { return };
    let ldap = ldap(directory(vec![server(slapd.clear, Security::Clear)], None));
    // Groups lie twenty deep.
    let error = ldap.login("clara", &secret("clara-password")).await.unwrap_err();
    assert!(error.to_string().contains("too deep"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_silent_slow_or_lies_lets_nobody_in_and_holds_nobody_up() {
    for lie in
        [Lie::Silent, Lie::Slow, Lie::Closes, Lie::Garbage, Lie::Endless, Lie::Elsewhere, Lie::Twice, Lie::Malformed]
    {
        let liar = liar(lie).await;
        for security in [Security::Clear, Security::StartTls, Security::Tls] {
            let mut directory = directory(vec![server(liar.port, security)], None);
            directory.timeout = Duration::from_millis(300);
            let ldap = ldap(directory);
            let answer = ldap.login("anna", &secret("anna-password")).await;
            assert!(answer.is_err(), "{lie:?} {security:?}: {answer:?}");
        }
        liar.until_everybody_has_left().await;
    }
}
