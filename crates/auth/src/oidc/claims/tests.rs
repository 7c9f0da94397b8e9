//! Tokens that hold, and every way in which one must not.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use jsonwebtoken::{EncodingKey, Header, encode};
use rcgen::{KeyPair, PublicKeyData as _};
use serde_json::json;

use super::*;

const NOW: u64 = 1_795_305_600;

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

const EXPECTED: Expected<'static> =
    Expected { issuer: "https://idp.example", client: "lapidary", nonce: "n-1", skew: Duration::from_secs(60) };

/// A key on P-256 and what is public of it.
fn pair(id: &str) -> (EncodingKey, Jwk) {
    let pair = KeyPair::generate().unwrap();
    // An uncompressed point: 4, x, y.
    let point = pair.der_bytes();
    let text = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let jwk = json!({"kty": "EC", "crv": "P-256", "kid": id, "use": "sig", "alg": "ES256",
        "x": text(&point[1..33]), "y": text(&point[33..65])});
    (EncodingKey::from_ec_der(&pair.serialize_der()), serde_json::from_value(jwk).unwrap())
}

fn claims() -> Value {
    json!({"iss": "https://idp.example", "aud": "lapidary", "sub": "u-1", "nonce": "n-1", "iat": NOW, "exp": NOW + 300,
        "groups": ["b", "a", "b"], "name": "Анна"})
}

fn token(claims: &Value, key: &EncodingKey) -> String {
    encode(&Header { kid: Some("k".to_owned()), ..Header::new(Algorithm::ES256) }, claims, key).unwrap()
}

#[test]
fn a_token_that_holds_says_who_it_is() {
    let (key, public) = pair("k");
    let held = verify(&token(&claims(), &key), &public, &EXPECTED, now()).unwrap();
    assert_eq!(held.subject, "u-1");
    assert_eq!(held.text("name").unwrap(), "Анна");
    assert_eq!(held.texts("groups").unwrap(), ["a", "b"]);
    assert!(held.texts("roles").unwrap().is_empty());
}

#[test]
fn no_claim_may_be_other_than_it_must() {
    let (key, public) = pair("k");
    for (name, value) in [
        ("iss", json!("https://idp.example/")),
        ("iss", Value::Null),
        ("aud", json!("other")),
        ("aud", json!(["other"])),
        ("aud", json!(["lapidary", "other"])),
        ("azp", json!("other")),
        ("nonce", json!("n-2")),
        ("nonce", Value::Null),
        ("sub", json!("")),
        ("sub", json!(7)),
        ("exp", json!(NOW - 61)),
        ("exp", Value::Null),
        ("exp", json!("never")),
        ("nbf", json!(NOW + 61)),
        ("iat", json!(NOW + 61)),
        ("iat", Value::Null),
    ] {
        let mut claims = claims();
        claims[name] = value.clone();
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        }
        assert!(verify(&token(&claims, &key), &public, &EXPECTED, now()).is_err(), "{name} {value}");
    }
    // The clocks need not be the same to the second, and several may be told if we are the party.
    for (name, value) in [("exp", json!(NOW - 59)), ("nbf", json!(NOW + 59)), ("azp", json!("lapidary"))] {
        let mut claims = claims();
        claims[name] = value;
        assert!(verify(&token(&claims, &key), &public, &EXPECTED, now()).is_ok(), "{name}");
    }
}

#[test]
fn only_signatures_of_private_keys_are_believed() {
    let ((key, public), (other, _)) = (pair("k"), pair("k"));
    assert!(verify(&token(&claims(), &other), &public, &EXPECTED, now()).is_err());
    // Nothing signed at all.
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    for algorithm in ["none", "None", ""] {
        let unsigned = format!("{}.{}.", part(&json!({"alg": algorithm, "kid": "k"})), part(&claims()));
        assert!(verify(&unsigned, &public, &EXPECTED, now()).is_err(), "{algorithm}");
    }
    // The public key, which everybody knows, taken for a shared secret.
    let AlgorithmParameters::EllipticCurve(curve) = &public.algorithm else { panic!() };
    let known = [curve.x.as_bytes(), serde_json::to_string(&public).unwrap().as_bytes()].map(EncodingKey::from_secret);
    for secret in known {
        let header = Header { kid: Some("k".to_owned()), ..Header::new(Algorithm::HS256) };
        let forged = encode(&header, &claims(), &secret).unwrap();
        assert!(verify(&forged, &public, &EXPECTED, now()).is_err());
        let octets = json!({"kty": "oct", "kid": "k", "k": BASE64_URL_SAFE_NO_PAD.encode("secret")});
        assert!(verify(&forged, &serde_json::from_value(octets).unwrap(), &EXPECTED, now()).is_err());
    }
    // A key for another way of signing.
    let mut elsewhere = serde_json::to_value(&public).unwrap();
    elsewhere["alg"] = json!("ES384");
    let elsewhere: Jwk = serde_json::from_value(elsewhere).unwrap();
    assert!(verify(&token(&claims(), &key), &elsewhere, &EXPECTED, now()).is_err());
    let text = token(&claims(), &key);
    let (head, _) = text.rsplit_once('.').unwrap();
    assert!(verify(head, &public, &EXPECTED, now()).is_err());
    assert!(verify("", &public, &EXPECTED, now()).is_err());
}

#[test]
fn groups_that_cannot_be_taken_whole_are_not_taken() {
    let (key, public) = pair("k");
    let groups = |value: Value| {
        let mut claims = claims();
        claims["groups"] = value;
        verify(&token(&claims, &key), &public, &EXPECTED, now()).unwrap().texts("groups")
    };
    assert_eq!(groups(json!("one")).unwrap(), ["one"]);
    for bad in [json!([1]), json!(["a", ""]), json!({"a": 1}), json!(vec!["g"; 1_001]), json!(["a".repeat(257)])] {
        assert!(groups(bad).is_err());
    }
}

#[test]
fn a_key_is_found_by_its_name_or_by_being_the_only_one() {
    let keys = [pair("a").1, pair("b").1];
    assert_eq!(key(&keys, Some("b")), Some(&keys[1]));
    assert_eq!(key(&keys, Some("c")), None);
    assert_eq!(key(&keys, None), None);
    assert_eq!(key(&keys[..1], None), Some(&keys[0]));
    let mut encrypts = serde_json::to_value(&keys[0]).unwrap();
    encrypts["use"] = json!("enc");
    assert_eq!(key(&[serde_json::from_value(encrypts).unwrap()], Some("a")), None);
}
