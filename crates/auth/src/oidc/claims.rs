//! What a provider says of a person, believed only when its signature and everything around it holds.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value};

use super::OidcError;

/// Signatures that are believed: those of private keys alone. `none` and shared secrets are not among them.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];
/// Groups that are taken.
const MOST_GROUPS: usize = 1_000;
/// The longest name of a person or a group.
const LONGEST: usize = 256;

/// What must stand in a token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client: &'a str,
    pub(super) nonce: &'a str,
    pub(super) skew: Duration,
}

/// Claims that hold.
#[derive(Clone, Debug)]
pub(super) struct Claims {
    pub(super) subject: String,
    all: Map<String, Value>,
}

/// Which key a token was signed with; it must name one if there are several.
pub(super) fn key_id(token: &str) -> Result<Option<String>, OidcError> {
    decode_header(token).map(|header| header.kid).map_err(|_| OidcError::Invalid("the token cannot be read"))
}

/// The key that fits; none if there is none or it is not clear which.
pub(super) fn key<'k>(keys: &'k [Jwk], id: Option<&str>) -> Option<&'k Jwk> {
    let signs = |key: &&Jwk| matches!(key.common.public_key_use, None | Some(PublicKeyUse::Signature));
    let mut fitting = keys.iter().filter(signs).filter(|key| match id {
        Some(id) => key.common.key_id.as_deref() == Some(id),
        None => true,
    });
    let first = fitting.next()?;
    fitting.next().is_none().then_some(first)
}

/// The claims of a token, if all of it holds at `now`.
pub(super) fn verify(token: &str, key: &Jwk, expected: &Expected<'_>, now: SystemTime) -> Result<Claims, OidcError> {
    let header = decode_header(token).map_err(|_| OidcError::Invalid("the token cannot be read"))?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(OidcError::Invalid("it is not signed in a way that is believed"));
    }
    // A public key is no shared secret, whatever the token says.
    let asymmetric = !matches!(key.algorithm, AlgorithmParameters::OctetKey(_));
    let same = key.common.key_algorithm.is_none_or(|of_key| of_key.to_string() == format!("{:?}", header.alg));
    if !asymmetric || !same {
        return Err(OidcError::Invalid("its key is not for this way of signing"));
    }
    let mut validation = Validation::new(header.alg);
    validation.set_audience(&[expected.client]);
    validation.set_issuer(&[expected.issuer]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    // By our clock, below.
    validation.validate_exp = false;
    let decoding = DecodingKey::from_jwk(key).map_err(|_| OidcError::Invalid("its key cannot be read"))?;
    let all = decode::<Map<String, Value>>(token, &decoding, &validation).map_err(|error| reason(&error))?.claims;
    check_times(&all, expected.skew, now)?;
    let text = |name: &str| all.get(name).and_then(Value::as_str);
    if text("nonce") != Some(expected.nonce) {
        return Err(OidcError::Invalid("it is not for this login"));
    }
    let several = all.get("aud").and_then(Value::as_array).is_some_and(|audience| audience.len() > 1);
    if text("azp").map_or(several, |party| party != expected.client) {
        return Err(OidcError::Invalid("it was given to somebody else"));
    }
    let subject = text("sub").filter(|subject| is_short(subject)).ok_or(OidcError::Invalid("it names nobody"))?;
    Ok(Claims { subject: subject.to_owned(), all })
}

fn check_times(claims: &Map<String, Value>, skew: Duration, now: SystemTime) -> Result<(), OidcError> {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let (skew, time) = (skew.as_secs_f64(), |name: &str| claims.get(name).and_then(Value::as_f64));
    if time("exp").is_none_or(|end| end + skew <= now) {
        return Err(OidcError::Invalid("it is over"));
    }
    let begin = [time("nbf"), Some(time("iat").unwrap_or(f64::INFINITY))];
    if begin.into_iter().flatten().any(|begin| now + skew < begin) {
        return Err(OidcError::Invalid("it is of a time to come"));
    }
    Ok(())
}

fn reason(error: &jsonwebtoken::errors::Error) -> OidcError {
    use jsonwebtoken::errors::ErrorKind;
    OidcError::Invalid(match error.kind() {
        ErrorKind::InvalidSignature => "its signature does not hold",
        ErrorKind::InvalidIssuer => "it comes from another provider",
        ErrorKind::InvalidAudience => "it was given to somebody else",
        ErrorKind::InvalidAlgorithm => "its key is not for this way of signing",
        ErrorKind::MissingRequiredClaim(_) => "a claim is missing",
        _ => "the token cannot be read",
    })
}

fn is_short(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST && !text.chars().any(char::is_control)
}

impl Claims {
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.all.get(name)
    }

    /// Adds claims that are not there yet.
    pub(super) fn add(&mut self, others: Map<String, Value>) {
        for (name, value) in others {
            self.all.entry(name).or_insert(value);
        }
    }

    /// A claim that is a word.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.get(name)?.as_str().filter(|text| is_short(text)).map(str::to_owned)
    }

    /// A claim that is a list of words, or one; sorted, each once. One that is not there is empty; one that cannot be
    /// taken whole is an error, since what is missing could be what denies something.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, OidcError> {
        let invalid = OidcError::Invalid("its groups cannot be read");
        let values = match self.get(name) {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(one @ Value::String(_)) => std::slice::from_ref(one),
            Some(Value::Array(several)) if several.len() <= MOST_GROUPS => several.as_slice(),
            Some(_) => return Err(invalid),
        };
        let texts = values.iter().map(|value| value.as_str().filter(|text| is_short(text)).map(str::to_owned));
        let mut texts: Vec<String> = texts.collect::<Option<_>>().ok_or(invalid)?;
        texts.sort();
        texts.dedup();
        Ok(texts)
    }
}

#[cfg(test)]
mod tests;
