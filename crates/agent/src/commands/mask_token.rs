//! Prints the tokens of a value, so that whoever may know it can search for it.

use anyhow::{Result, bail};
use mask::{Config, Masker};

/// A token a line, the one that is written now first; without its end where a closed value stands before that.
pub(crate) fn run(class: &str, value: &str, config: &Config) -> Result<String> {
    if config.token_keys.is_empty() {
        bail!("the settings have no `mask.token_keys`, so hits become markers such as `<{class}>`");
    }
    let Some(tokens) = Masker::tokens(config, class, value)? else {
        bail!("`{class}` is no rule whose hits become tokens");
    };
    let end = if Masker::seals(config, class) { ">" } else { "" };
    Ok(tokens.iter().map(|token| format!("{}\n", token.strip_suffix(end).unwrap_or(token))).collect())
}

#[cfg(test)]
mod tests {
    use mask::TokenKey;

    use super::*;

    #[test]
    fn each_key_has_its_token_and_the_spelling_does_not_matter() {
        let token_keys = [(2, b"fedcba9876543210"), (1, b"0123456789abcdef")]
            .map(|(version, key)| TokenKey::new(version, key).unwrap());
        let config = Config { token_keys: token_keys.to_vec(), ..Config::default() };
        let tokens = run("phone", "8 (916) 123-45-67", &config).unwrap();
        let lines: Vec<_> = tokens.lines().collect();
        assert!(lines[0].starts_with("<phone:v2:") && lines[1].starts_with("<phone:v1:"), "{tokens}");
        assert_eq!(run("phone", "+79161234567", &config).unwrap(), tokens);
        assert_eq!(Masker::new(&config).unwrap().mask("call +7 916 123 45 67"), format!("call {}", lines[0]));
        let own = mask::OwnRule::parse("[[rule]]\nid = \"phone\"\naction = \"seal\"\n").unwrap();
        let sealed = run("phone", "+79161234567", &Config { own, ..config.clone() }).unwrap();
        assert_eq!(sealed.lines().next(), lines[0].strip_suffix('>'), "what stands in lines goes on with `:s1:`");
        assert!(run("secret", "x", &config).is_err());
        assert!(run("fone", "x", &config).is_err());
        assert!(run("phone", "x", &Config::default()).is_err());
    }
}
