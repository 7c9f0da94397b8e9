//! The door, rights that follow from roles and groups, and what may be changed by whom.

mod login;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::{Duration, Instant, UNIX_EPOCH};

use logline::Labels;
use state::Location;
use stdx::{ManualClock, SystemClock};

use super::*;
use crate::{Effect, Group, Kind, Policy, ProviderError, Role, Services, Token, Via};

struct Door {
    access: Access,
    clock: Arc<ManualClock>,
    _folder: tempfile::TempDir,
}

async fn door(declared: Declared) -> Door {
    door_with(declared, Vec::new()).await
}

async fn door_with(declared: Declared, providers: Vec<Arc<dyn IdentityProvider>>) -> Door {
    let folder = tempfile::tempdir().unwrap();
    let state = State::open(&Location::File(folder.path().join("state.db"))).await.unwrap();
    let clock = Arc::new(ManualClock::at(UNIX_EPOCH + Duration::from_secs(1_700_000_000)));
    let dyn_clock: Arc<dyn Clock> = Arc::clone(&clock) as _;
    let access = Access::closed(state, declared, Settings::default(), dyn_clock).await.unwrap();
    Door { access: access.with_providers(providers), clock, _folder: folder }
}

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn list(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn policy(roles: &[&str], services: &[&str]) -> Policy {
    Policy { roles: list(roles), tenants: list(&["*"]), services: list(services), ..Policy::default() }
}

fn labels(text: &str) -> Labels {
    Labels::parse(text).unwrap()
}

impl Door {
    /// A user with this password and these roles.
    async fn user(&self, name: &str, roles: &[&str]) {
        let new = NewUser { name: name.to_owned(), roles: list(roles), ..NewUser::default() };
        self.access.add_user(new).await.unwrap();
        self.access.set_password(name, &secret("correct horse battery")).await.unwrap();
    }

    async fn login(&self, name: &str) -> Secret<String> {
        self.access.login(name, &secret("correct horse battery")).await.unwrap().id
    }

    async fn by_session(&self, id: &Secret<String>) -> Result<Caller, Denied> {
        let credentials = Credentials { session: Some(id.reveal()), ..Credentials::default() };
        self.access.authenticate(credentials).await
    }

    async fn by_token(
        &self,
        token: &Secret<String>,
        user: Option<&str>,
        org_id: Option<&str>,
    ) -> Result<Caller, Denied> {
        let header = format!("Bearer {}", token.reveal());
        let credentials = Credentials { authorization: Some(&header), user, org_id, ..Credentials::default() };
        self.access.authenticate(credentials).await
    }
}

#[tokio::test]
async fn what_is_not_named_is_not_seen_and_a_denial_wins() {
    let mut secret_of_crm = policy(&["developer"], &["*"]);
    secret_of_crm.effect = Effect::Deny;
    secret_of_crm.selector = Some("{env=\"secret\"}".to_owned());
    let door = door(Declared {
        policies: vec![
            ("shop".to_owned(), policy(&["developer"], &["shop-*", "crm-api"])),
            ("secret".to_owned(), secret_of_crm),
        ],
        ..Declared::default()
    })
    .await;
    door.user("anna", &["developer"]).await;
    let scope = door.by_session(&door.login("anna").await).await.unwrap().scope();
    let sight = scope.sight(scope.tenant());
    assert!(sight.shows(&labels("{service_name=\"shop-api\"}")));
    assert!(sight.shows(&labels("{service_name=\"crm-api\", env=\"prod\"}")));
    assert!(!sight.shows(&labels("{service_name=\"crm-api\", env=\"secret\"}")));
    assert!(!sight.shows(&labels("{service_name=\"mes-api\"}")));
    assert!(!sight.shows(&labels("{app=\"shop-api\"}")));
    // Orders know the service only: what might be denied is not shown.
    assert!(!scope.services().contains("shop-api"));
}

#[tokio::test]
async fn somebody_without_policies_has_no_tenant_to_ask_about() {
    let door = door(Declared::default()).await;
    door.user("dora", &["developer"]).await;
    door.user("nora", &["admin"]).await;
    let developer = door.by_session(&door.login("dora").await).await.unwrap();
    assert!(matches!(developer.require(Permission::Read), Err(Denied::Tenant { .. })));
    assert!(matches!(developer.require(Permission::Users), Err(Denied::Forbidden { .. })));
    assert!(developer.require(Permission::Silences).is_ok(), "what is not about data needs no tenant");
    assert!(door.by_session(&door.login("nora").await).await.unwrap().require(Permission::Read).is_ok());
}

#[tokio::test]
async fn tenants_are_those_that_policies_name() {
    let mut east = policy(&["developer"], &["*"]);
    east.tenants = list(&["east", "west"]);
    let door = door(Declared { policies: vec![("east".to_owned(), east)], ..Declared::default() }).await;
    door.user("anna", &["developer"]).await;
    let id = door.login("anna").await;
    let ask = async |org_id| {
        let credentials = Credentials { session: Some(id.reveal()), org_id, ..Credentials::default() };
        door.access.authenticate(credentials).await
    };
    assert_eq!(ask(None).await.unwrap().tenant().as_str(), "east");
    assert_eq!(ask(Some("west|east")).await.unwrap().scope().tenants().len(), 2);
    assert!(matches!(ask(Some("fake")).await, Err(Denied::Tenant { .. })));
    assert!(matches!(ask(Some("east|fake")).await, Err(Denied::Tenant { .. })));
}

#[tokio::test]
async fn a_role_that_denies_wins_over_one_that_permits() {
    let deny = Role { deny: [Permission::Export].into(), ..Role::default() };
    let door = door(Declared { roles: vec![("trainee".to_owned(), deny)], ..Declared::default() }).await;
    door.user("anna", &["devops", "trainee"]).await;
    let caller = door.by_session(&door.login("anna").await).await.unwrap();
    assert!(caller.may(Permission::Read) && !caller.may(Permission::Export));
}

#[tokio::test]
async fn time_depth_is_part_of_the_scope_and_moves_by_the_hour() {
    let mut month = policy(&["developer"], &["shop-api"]);
    month.not_older_than = Some("30d".to_owned());
    let door = door(Declared { policies: vec![("month".to_owned(), month)], ..Declared::default() }).await;
    door.user("anna", &["developer"]).await;
    let id = door.login("anna").await;
    let scope = async || door.by_session(&id).await.unwrap().scope();
    let first = scope().await;
    let since = first.sight(first.tenant()).grants()[0].since().unwrap();
    let exact = logline::Timestamp::from(door.clock.now()).before(Duration::from_secs(30 * 86_400));
    assert!(since >= exact && since.0 - exact.0 <= 3_600_000_000_000, "rather too little than too much");
    assert_eq!(first.fingerprint(), scope().await.fingerprint());
    door.clock.advance(Duration::from_secs(3600));
    assert_ne!(first.fingerprint(), scope().await.fingerprint());
}

#[tokio::test]
async fn equal_rights_have_equal_fingerprints_whoever_has_them() {
    let door = door(Declared {
        policies: vec![
            ("a".to_owned(), policy(&["developer"], &["shop-api"])),
            ("b".to_owned(), Policy { users: list(&["clara"]), ..policy(&[], &["crm-api"]) }),
        ],
        ..Declared::default()
    })
    .await;
    let mut prints = Vec::new();
    for name in ["anna", "boris", "clara"] {
        door.user(name, &["developer"]).await;
        prints.push(door.by_session(&door.login(name).await).await.unwrap().scope().fingerprint());
    }
    assert_eq!(prints[0], prints[1]);
    assert_ne!(prints[0], prints[2]);
}

#[tokio::test]
async fn a_token_does_what_it_says_until_it_expires_and_its_use_is_noted() {
    let door = door(Declared::default()).await;
    let new = NewToken {
        name: "ci".to_owned(),
        permissions: [Permission::Read].into(),
        services: list(&["shop-api"]),
        lasts: Some("90d".to_owned()),
        ..NewToken::default()
    };
    let token = door.access.add_token(new.clone(), "admin").await.unwrap();
    assert!(token.reveal().starts_with("lpd_") && token.reveal().len() > 30);
    assert_eq!(door.access.add_token(new, "admin").await.unwrap_err().kind(), Kind::Taken);
    let caller = door.by_token(&token, None, None).await.unwrap();
    assert!(caller.may(Permission::Read) && !caller.may(Permission::Push));
    assert_eq!(*caller.scope().services(), Services::Only(BTreeSet::from(["shop-api".to_owned()])));
    door.access.refresh().await.unwrap();
    let (stored, _) = door.access.tokens().await.unwrap();
    assert_eq!(stored[0].last_used, Some(door.clock.now()));
    assert!(!stored[0].hash.contains(token.reveal().as_str()));
    door.clock.advance(Duration::from_secs(90 * 86_400));
    assert_eq!(door.by_token(&token, None, None).await.unwrap_err(), Denied::Unauthenticated);
    door.access.remove_token("ci").await.unwrap();
    assert_eq!(door.access.remove_token("ci").await.unwrap_err().kind(), Kind::NotFound);
}

#[tokio::test]
async fn roles_of_a_token_are_narrowed_by_what_else_stands_with_it() {
    let declared = Declared {
        policies: vec![("two".to_owned(), policy(&["developer"], &["shop-api", "crm-api"]))],
        ..Declared::default()
    };
    let door = door(declared).await;
    let new = NewToken {
        name: "narrow".to_owned(),
        roles: list(&["developer"]),
        permissions: [Permission::Read, Permission::Users].into(),
        services: list(&["crm-api", "mes-api"]),
        ..NewToken::default()
    };
    let caller = door.by_token(&door.access.add_token(new, "admin").await.unwrap(), None, None).await.unwrap();
    assert_eq!(*caller.permissions(), [Permission::Read].into());
    let scope = caller.scope();
    assert_eq!(["crm-api", "mes-api", "shop-api"].map(|name| scope.services().contains(name)), [true, false, false]);
    let nothing = NewToken { name: "nothing".to_owned(), ..NewToken::default() };
    assert_eq!(door.access.add_token(nothing, "admin").await.unwrap_err().kind(), Kind::Invalid);
    let permissions = [Permission::Read].into();
    let every = NewToken { name: "every".to_owned(), permissions, tenants: list(&["*"]), ..NewToken::default() };
    assert_eq!(door.access.add_token(every, "admin").await.unwrap_err().kind(), Kind::Invalid);
}

#[tokio::test]
async fn a_token_asks_for_somebody_with_no_more_rights_than_either_has() {
    let directory = Directory::default().with("lena", &["CN=Shop"]);
    let declared = Declared {
        policies: vec![("shop".to_owned(), policy(&["developer"], &["shop-api"]))],
        groups: vec![("cn=shop".to_owned(), Group { roles: list(&["developer"]) })],
        ..Declared::default()
    };
    let door = door_with(declared, vec![Arc::new(directory)]).await;
    door.user("nora", &["admin"]).await;
    let of = |name: &str, permissions: &[Permission]| NewToken {
        name: name.to_owned(),
        permissions: permissions.iter().copied().collect(),
        services: list(&["*"]),
        ..NewToken::default()
    };
    let grafana = of("grafana", &[Permission::Read, Permission::Impersonate]);
    let grafana = door.access.add_token(grafana, "admin").await.unwrap();
    let other = door.access.add_token(of("other", &[Permission::Read]), "admin").await.unwrap();

    let lena = door.by_token(&grafana, Some("lena"), None).await.unwrap();
    assert_eq!((lena.principal(), lena.by()), ("lena", Some("grafana")));
    assert!(lena.scope().services().contains("shop-api") && !lena.scope().services().contains("crm-api"));
    let nora = door.by_token(&grafana, Some("nora"), None).await.unwrap();
    assert!(nora.may(Permission::Read) && !nora.may(Permission::Users), "the token's permissions are the limit");
    assert!(matches!(door.by_token(&grafana, Some("nora"), Some("east")).await, Err(Denied::Tenant { .. })));
    assert!(matches!(door.by_token(&grafana, Some("nobody"), None).await, Err(Denied::Stranger { .. })));
    // Without the permission the header is an unsigned word and means nothing.
    assert_eq!(door.by_token(&other, Some("nora"), None).await.unwrap().principal(), "other");
    // Somebody without a name, or with one that cannot be read, is nobody: the token's own rights are not theirs.
    for user in ["", "\u{fffd}", " "] {
        assert!(matches!(door.by_token(&grafana, Some(user), None).await, Err(Denied::Stranger { .. })), "{user:?}");
    }
}

#[tokio::test]
async fn people_of_a_directory_have_the_roles_of_their_groups() {
    let directory = Directory::default().with("lena", &["CN=Shop", "CN=Other"]);
    let declared = Declared {
        policies: vec![("shop".to_owned(), policy(&["developer"], &["shop-api"]))],
        groups: vec![("cn=shop".to_owned(), Group { roles: list(&["developer"]) })],
        ..Declared::default()
    };
    let door = door_with(declared, vec![Arc::new(directory)]).await;
    let before = door.access.passwords_verified();
    let session = door.access.login("lena", &secret("from the directory")).await.unwrap();
    assert_eq!(door.access.passwords_verified(), before + 1);
    let caller = door.by_session(&session.id).await.unwrap();
    assert_eq!(caller.roles().collect::<Vec<_>>(), ["developer"]);
    assert!(door.access.login("lena", &secret("wrong")).await.is_err());
    let explained = door.access.explain("lena", &Tenant::default(), &[]).await.unwrap();
    assert_eq!(explained.roles["developer"], [Via::Group("CN=Shop".to_owned())]);
}

#[tokio::test]
async fn a_directory_that_does_not_answer_lets_nobody_in() {
    let door =
        door_with(Declared::default(), vec![Arc::new(Directory { is_down: true, ..Directory::default() })]).await;
    door.user("anna", &[]).await;
    assert_eq!(door.access.login("lena", &secret("x")).await.unwrap_err().kind(), Kind::Unavailable);
    assert!(door.access.login("anna", &secret("correct horse battery")).await.is_ok(), "our own users come in");
    let grafana =
        NewToken { name: "g".to_owned(), permissions: [Permission::Impersonate].into(), ..NewToken::default() };
    let grafana = door.access.add_token(grafana, "admin").await.unwrap();
    assert_eq!(door.by_token(&grafana, Some("lena"), None).await.unwrap_err(), Denied::Unavailable);
}

#[tokio::test]
async fn somebody_elsewhere_cannot_take_the_name_of_a_user_or_token_of_ours() {
    let directory = Directory::default().with("root", &[]).with("grafana", &[]).with("lena", &[]);
    let door = door_with(Declared::default(), vec![Arc::new(directory)]).await;
    let lena = door.access.login("lena", &secret("from the directory")).await.unwrap();
    assert!(door.by_session(&lena.id).await.is_ok());
    door.user("root", &["admin"]).await;
    door.user("lena", &[]).await;
    let permissions = [Permission::Read, Permission::Impersonate].into();
    let token = NewToken { name: "grafana".to_owned(), permissions, services: list(&["*"]), ..NewToken::default() };
    let grafana = door.access.add_token(token, "admin").await.unwrap();
    for name in ["root", "grafana"] {
        let (provider, name) = ("oidc".to_owned(), name.to_owned());
        let identity = Identity { provider, subject: "1".to_owned(), name, groups: Vec::new() };
        assert_eq!(door.access.begin_session(identity, None).await.unwrap_err().kind(), Kind::Refused);
    }
    // A user who may not come in is not looked for elsewhere.
    let change = UserChange { disabled: Some(true), ..UserChange::default() };
    door.access.change_user("root", change).await.unwrap();
    for name in ["root", "grafana"] {
        assert!(matches!(door.by_token(&grafana, Some(name), None).await, Err(Denied::Stranger { .. })), "{name}");
    }
    assert!(door.access.scope_of("root", &[]).await.is_err());
    // One who came before the name was given here is out, too.
    assert_eq!(door.by_session(&lena.id).await.unwrap_err(), Denied::Unauthenticated);
}

#[tokio::test]
async fn what_the_configuration_declares_is_read_only_and_the_rest_is_not() {
    let declared = Declared {
        policies: vec![("fixed".to_owned(), policy(&["developer"], &["shop-api"]))],
        roles: vec![("packer".to_owned(), Role::default())],
        ..Declared::default()
    };
    let door = door(declared).await;
    let access = &door.access;
    let fixed = access.put_policy("fixed", &policy(&["developer"], &["*"]), "nora").await.unwrap_err();
    assert_eq!(fixed.kind(), Kind::ReadOnly);
    assert_eq!(access.remove_role("packer").await.unwrap_err().kind(), Kind::ReadOnly);
    let unknown = access.put_policy("p", &policy(&["pakcer"], &["*"]), "nora").await.unwrap_err();
    assert!(unknown.to_string().contains("`pakcer`"), "{unknown}");
    assert!(access.put_policy("p", &Policy::default(), "nora").await.is_err());
    access.put_role("own", &Role::default(), "nora").await.unwrap();
    access.put_policy("p", &policy(&["own"], &["mes-api"]), "nora").await.unwrap();
    let used = access.remove_role("own").await.unwrap_err();
    assert!(used.to_string().contains("policy `p`"), "{used}");
    access.remove_policy("p").await.unwrap();
    access.remove_role("own").await.unwrap();
    // One of the same name replaces what is built in; without it that is back.
    access.put_policy("devops", &policy(&["devops"], &["shop-api"]), "nora").await.unwrap();
    let source = |name: &str| access.policies().into_iter().find(|policy| policy.name == name).unwrap().source;
    assert_eq!(source("devops"), crate::Source::State);
    access.remove_policy("devops").await.unwrap();
    assert_eq!((source("devops"), source("fixed")), (crate::Source::BuiltIn, crate::Source::File));
}

#[tokio::test]
async fn another_node_sees_a_change_when_it_looks() {
    let door = door(Declared::default()).await;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let other =
        Access::closed(door.access.state.clone(), Declared::default(), Settings::default(), clock).await.unwrap();
    door.user("anna", &["developer"]).await;
    door.access.put_policy("p", &policy(&["developer"], &["shop-api"]), "x").await.unwrap();
    assert!(other.scope_of("anna", &[]).await.is_err());
    other.refresh().await.unwrap();
    assert!(other.scope_of("anna", &[]).await.unwrap().services().contains("shop-api"));
}

#[tokio::test]
async fn the_owner_of_a_rule_has_the_rights_of_now() {
    let door = door(Declared {
        policies: vec![("p".to_owned(), policy(&["developer"], &["shop-api"]))],
        ..Declared::default()
    })
    .await;
    door.user("anna", &["developer"]).await;
    let tenant = [Tenant::default()];
    let scope = door.access.scope_of("anna", &tenant).await.unwrap();
    assert!(scope.services().contains("shop-api") && !scope.services().contains("crm-api"));
    let change = UserChange { roles: Some(Vec::new()), ..UserChange::default() };
    door.access.change_user("anna", change).await.unwrap();
    assert!(door.access.scope_of("anna", &tenant).await.is_err());
    assert!(door.access.scope_of("nobody", &tenant).await.is_err());
    let new = NewToken {
        name: "t".to_owned(),
        permissions: [Permission::Read].into(),
        services: list(&["crm-api"]),
        ..NewToken::default()
    };
    door.access.add_token(new, "x").await.unwrap();
    assert!(door.access.scope_of("t", &tenant).await.unwrap().services().contains("crm-api"));
    assert!(door.access.scope_of("t", &[Tenant::new("east").unwrap()]).await.is_err());
}

#[tokio::test]
async fn who_can_see_what_and_why_is_told() {
    let mut hidden = policy(&["developer"], &["crm-api"]);
    hidden.hide = list(&["email"]);
    let door = door(Declared {
        policies: vec![("shop".to_owned(), policy(&["developer"], &["shop-api"])), ("crm".to_owned(), hidden)],
        groups: vec![("cn=dev".to_owned(), Group { roles: list(&["developer"]) })],
        ..Declared::default()
    })
    .await;
    door.user("anna", &["developer"]).await;
    door.user("sue", &["support"]).await;
    let streams = ["shop-api", "crm-api", "mes-api"].map(|name| labels(&format!("{{service_name={name:?}}}")));
    let told = door.access.explain("anna", &Tenant::default(), &streams).await.unwrap();
    assert_eq!(
        told.decisions.iter().map(|decision| decision.seen).collect::<Vec<_>>(),
        [Seen::Yes, Seen::InPart, Seen::NotNamed]
    );
    assert_eq!(told.decisions[0].allowed_by, ["shop"]);
    assert_eq!(told.decisions[1].hidden_by, ["crm"]);
    let told = door.access.explain("sue", &Tenant::default(), &streams).await.unwrap();
    assert!(told.decisions.iter().all(|decision| decision.seen == Seen::NoPermission));
    let services = list(&["shop-api", "crm-api", "mes-api"]);
    let report = door.access.report(&Tenant::default(), &services).await.unwrap();
    let seen: Vec<_> = report
        .principals
        .iter()
        .map(|who| (who.kind.as_str(), who.name.as_str(), who.services.len(), who.reads_lines))
        .collect();
    assert_eq!(seen, [("user", "anna", 2, true), ("user", "sue", 3, false), ("group", "cn=dev", 2, true)]);
    assert_eq!(report.principals[0].services["crm-api"], crate::Amount::Part);
    assert_eq!(door.access.explain("nobody", &Tenant::default(), &[]).await.unwrap_err().kind(), Kind::NotFound);
}

#[tokio::test]
async fn no_secret_stands_in_what_is_printed_about_access() {
    let door = door(Declared::default()).await;
    door.user("anna", &[]).await;
    let token = NewToken { name: "t".to_owned(), permissions: [Permission::Read].into(), ..NewToken::default() };
    let token = door.access.add_token(token, "x").await.unwrap();
    let session = door.access.login("anna", &secret("correct horse battery")).await.unwrap();
    let printed = format!("{:?} {session:?} {token:?} {:?}", door.access, door.access.users().await.unwrap());
    for hidden in [token.reveal().as_str(), session.id.reveal(), "correct horse battery", "$argon2id$"] {
        assert!(!printed.contains(hidden), "{hidden} stands in {printed}");
    }
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "what is measured is told, not asserted")]
async fn ten_thousand_users_and_a_thousand_policies_are_loaded() {
    let door = door(Declared::default()).await;
    let user = |number: usize| state::User {
        name: format!("user-{number}"),
        display: "Somebody".to_owned(),
        password: Some(secret("$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaA")),
        must_change: false,
        disabled: false,
        roles: list(&["developer", "support"]),
        groups: list(&["cn=all,dc=gems"]),
        created: UNIX_EPOCH,
        failures: 0,
        locked_until: None,
    };
    door.access.state.users().add_all(&(0..10_000).map(user).collect::<Vec<_>>()).await.unwrap();
    let policies = (0..1_000).map(|number| {
        let mut one = policy(&["developer"], &[]);
        one.services = list(&[&format!("service-{number}"), &format!("team-{number}-*")]);
        (format!("policy-{number}"), one)
    });
    for (name, policy) in policies {
        door.access.state.documents(POLICIES).put(&name, &policy, "x", UNIX_EPOCH).await.unwrap();
    }
    let begun = Instant::now();
    door.access.refresh().await.unwrap();
    eprintln!("10,000 users and 1,000 policies: {:?}", begun.elapsed());
    assert_eq!(door.access.model().users.len(), 10_000);
    let begun = Instant::now();
    let scope = door.access.scope_of("user-77", &[]).await.unwrap();
    eprintln!("a scope of 1,000 policies with patterns: {:?}", begun.elapsed());
    assert!(scope.sight(scope.tenant()).shows(&labels("{service_name=\"team-5-api\"}")));
}

/// A directory in memory: every password but `wrong` is right.
#[derive(Debug, Default)]
struct Directory {
    people: Mutex<Vec<Identity>>,
    is_down: bool,
}

impl Directory {
    fn with(self, name: &str, groups: &[&str]) -> Self {
        let (provider, subject) = ("ldap".to_owned(), format!("uid={name}"));
        let person = Identity { provider, subject, name: name.to_owned(), groups: list(groups) };
        self.people.lock().unwrap().push(person);
        self
    }
}

#[async_trait::async_trait]
impl IdentityProvider for Directory {
    fn name(&self) -> &str {
        "ldap"
    }

    async fn login(&self, name: &str, password: &Secret<String>) -> Result<Option<Identity>, ProviderError> {
        Ok(self.find(name).await?.filter(|_| password.reveal() != "wrong"))
    }

    async fn find(&self, name: &str) -> Result<Option<Identity>, ProviderError> {
        if self.is_down {
            return Err(ProviderError { provider: "ldap".to_owned(), reason: "no answer".to_owned() });
        }
        Ok(self.people.lock().unwrap().iter().find(|person| person.name == name).cloned())
    }

    async fn current(&self, identity: &Identity, _: SystemTime) -> Result<Option<Identity>, ProviderError> {
        self.find(&identity.name).await
    }
}
