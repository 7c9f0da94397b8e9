//! Randomness for secrets: the operating system's, never seeded.

use ring::rand::{SecureRandom as _, SystemRandom};

/// The operating system gave no randomness; nothing secret can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gives no randomness")]
pub struct NoEntropy;

/// Bytes that nobody can guess.
pub fn entropy<const N: usize>() -> Result<[u8; N], NoEntropy> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoEntropy)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_are_the_same() {
        assert_ne!(entropy::<32>().unwrap(), entropy::<32>().unwrap());
    }
}
