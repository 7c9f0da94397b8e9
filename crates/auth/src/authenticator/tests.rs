//! Who gets in, as what, and who does not.

use super::*;
use crate::{NamePattern, Names, Permission};

fn token(name: &str, secret: &str, services: &[&str], permissions: &[Permission]) -> Token {
    Token {
        name: name.to_owned(),
        secret: Secret::new(secret.to_owned()),
        certificates: Vec::new(),
        tenants: vec![Tenant::default(), Tenant::new("gems").unwrap()],
        roles: Vec::new(),
        services: services.iter().map(|&service| service.to_owned()).collect(),
        permissions: permissions.iter().copied().collect(),
    }
}

fn authenticator() -> Authenticator {
    Authenticator::with_tokens(vec![
        token("shop-dev", "shop-dev-secret-0001", &["shop-api"], &[Permission::Read]),
        token("agent", "agent-secret-00000001", &[], &[Permission::Push]),
        token("ops", "ops-secret-0000000001", &["*"], &Permission::ALL),
    ])
    .unwrap()
}

fn ask(authorization: Option<&str>, org_id: Option<&str>) -> Result<Caller, Denied> {
    authenticator().authenticate(Credentials { authorization, org_id, ..Credentials::default() })
}

#[test]
fn a_bearer_token_and_a_basic_password_both_identify_the_caller() {
    let bearer = ask(Some("Bearer shop-dev-secret-0001"), None).unwrap();
    assert_eq!(bearer.principal(), "shop-dev");
    assert_eq!(bearer.tenant(), &Tenant::default());
    let basic = format!("Basic {}", BASE64_STANDARD.encode("loki:shop-dev-secret-0001"));
    assert_eq!(ask(Some(&basic), None).unwrap().principal(), "shop-dev");
}

#[test]
fn whatever_does_not_hold_is_refused() {
    for header in [None, Some("Bearer wrong"), Some("Bearer "), Some("Digest x"), Some("Basic %%%"), Some("Bearer")] {
        assert_eq!(ask(header, None).unwrap_err(), Denied::Unauthenticated, "{header:?}");
    }
}

#[test]
fn a_tenant_must_be_one_of_the_tokens() {
    let secret = Some("Bearer ops-secret-0000000001");
    assert_eq!(ask(secret, Some("gems")).unwrap().tenant().as_str(), "gems");
    assert!(matches!(ask(secret, Some("rivals")), Err(Denied::Tenant { .. })));
    assert!(matches!(ask(secret, Some("a/b")), Err(Denied::InvalidTenant(_))));
    let several = ask(secret, Some("gems|fake|gems")).unwrap();
    assert_eq!(several.scope().tenants().iter().map(Tenant::as_str).collect::<Vec<_>>(), ["fake", "gems"]);
    assert_eq!(several.require_one_tenant(), Err(Denied::SeveralTenants));
    assert!(ask(secret, Some("gems|gems")).unwrap().require_one_tenant().is_ok());
    assert!(matches!(ask(secret, Some("gems|rivals")), Err(Denied::Tenant { .. })));
    assert!(matches!(ask(secret, Some("gems|")), Err(Denied::InvalidTenant(_))));
}

#[test]
fn a_scope_names_the_services_and_nothing_named_is_nothing_seen() {
    let developer = ask(Some("Bearer shop-dev-secret-0001"), None).unwrap();
    assert!(developer.scope().services().contains("shop-api"));
    assert!(!developer.scope().services().contains("crm-api"));
    assert!(developer.require(Permission::Push).is_err());
    let agent = ask(Some("Bearer agent-secret-00000001"), None).unwrap();
    assert!(agent.require(Permission::Push).is_ok());
    assert!(!agent.scope().services().contains("shop-api"));
}

#[test]
fn everything_wrong_with_the_tokens_is_said_at_once() {
    let mut homeless = token("homeless", "homeless-secret-0001", &[], &[]);
    homeless.tenants.clear();
    let problems = Authenticator::with_tokens(vec![
        token("short", "abc", &[], &[]),
        token("a", "a-secret-00000000001", &["*", "x"], &[]),
        homeless,
        token("short", "another-secret-0000001", &[], &[]),
    ])
    .unwrap_err();
    let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 4, "{texts:?}");
    assert!(!texts.join(" ").contains("a-secret"), "a secret must not stand in an error");
}

#[test]
fn no_tokens_means_closed() {
    let closed = Authenticator::with_tokens(Vec::new()).unwrap();
    let nobody = Credentials { authorization: Some("Bearer x"), ..Credentials::default() };
    assert_eq!(closed.authenticate(nobody).unwrap_err(), Denied::Unauthenticated);
    assert!(Authenticator::anybody().authenticate(Credentials::default()).is_ok());
}

#[test]
fn a_certificate_does_instead_of_a_token_and_a_wrong_token_is_not_passed_over() {
    let agents = Token {
        certificates: vec![NamePattern::new("CN=agent-*").unwrap()],
        ..token("agents", "", &[], &[Permission::Push])
    };
    let known = Authenticator::with_tokens(vec![agents]).unwrap();
    let names = |name: &str| {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let certificate = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        Names::of(certificate.der()).unwrap()
    };
    let (agent, stranger) = (names("agent-7"), names("stranger"));
    let ask = |certificate, authorization| {
        known.authenticate(Credentials { authorization, certificate, ..Credentials::default() })
    };
    assert_eq!(ask(Some(&agent), None).unwrap().principal(), "agents");
    assert_eq!(ask(Some(&stranger), None).unwrap_err(), Denied::Unauthenticated);
    assert_eq!(ask(Some(&agent), Some("Bearer wrong-wrong-wrong")).unwrap_err(), Denied::Unauthenticated);
    for header in [Some("Bearer "), Some("Bearer certificate of agents"), None] {
        assert_eq!(ask(None, header).unwrap_err(), Denied::Unauthenticated, "{header:?}");
    }
    let nothing = Authenticator::with_tokens(vec![token("nothing", "", &[], &[])]).unwrap_err();
    assert!(nothing[0].to_string().contains("neither a secret nor certificates"), "{nothing:?}");
}

#[test]
fn a_token_for_every_tenant_is_refused_since_there_would_be_a_tenant_of_that_name() {
    let every = Token { tenants: vec![Tenant::new("*").unwrap()], ..token("a", "a-secret-of-length", &[], &[]) };
    let problems = Authenticator::with_tokens(vec![every]).unwrap_err();
    assert!(format!("{problems:?}").contains("name each"), "{problems:?}");
}
