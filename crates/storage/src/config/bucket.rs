//! A bucket in place of the local folder: where it is, and with whose keys.

use std::str::FromStr;
use std::time::Duration;

use stdx::{ByteSize, Secret};

/// The files of the tables in a bucket of an S3-compatible store. WAL and lock stay in the data folder.
#[derive(Clone, Debug)]
pub struct BucketConfig {
    /// Which bucket, and what names in it begin with.
    pub url: BucketUrl,
    /// Address of the store; none for that of AWS in the region.
    pub endpoint: Option<String>,
    /// Region of the bucket.
    pub region: String,
    /// Keys of the role that writes files and commits; none for what the environment (`AWS_…`) or the machine has.
    pub keys: Option<Keys>,
    /// Keys of the role that queries read files with; none for those of the writer.
    pub read_keys: Option<Keys>,
    /// What the store is asked to encrypt files with.
    pub encryption: Encryption,
    /// Whether to speak without TLS.
    pub allow_http: bool,
    /// How long one request may take; all tries of one together take at most twice as long.
    pub timeout: Duration,
    /// Disk in the data folder that copies of what was read may take; 0 for none.
    pub cache: ByteSize,
}

/// `s3://bucket/prefix`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketUrl {
    /// Name of the bucket.
    pub bucket: String,
    /// What names begin with; empty for none. Never begins or ends with `/`.
    pub prefix: String,
}

/// Keys of a role.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The public part.
    pub id: String,
    /// The secret part.
    pub secret: Secret<String>,
}

/// What the store is asked to encrypt files with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Encryption {
    /// Whatever the bucket does by itself.
    #[default]
    Bucket,
    /// The store's own keys (SSE-S3).
    Aes256,
    /// A key of the key service (SSE-KMS), by its name.
    Kms(String),
}

impl FromStr for BucketUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text.strip_prefix("s3://").ok_or("must begin with `s3://`")?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if bucket.is_empty() || !bucket.chars().all(plain) {
            return Err("names no bucket: want `s3://bucket/prefix`");
        }
        let prefix = prefix.trim_end_matches('/');
        let part = |part: &str| !part.is_empty() && part != "." && part != ".." && part.chars().all(plain);
        if !prefix.is_empty() && !prefix.split('/').all(part) {
            return Err("has a prefix with other characters than letters, digits, `-`, `_`, `.` and `/`");
        }
        Ok(Self { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

impl std::fmt::Display for BucketUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        write!(f, "s3://{}{slash}{}", self.bucket, self.prefix)
    }
}

impl BucketConfig {
    /// The defaults, for a bucket.
    pub fn at(url: BucketUrl) -> Self {
        Self {
            url,
            endpoint: None,
            region: "us-east-1".to_owned(),
            keys: None,
            read_keys: None,
            encryption: Encryption::Bucket,
            allow_http: false,
            timeout: Duration::from_secs(30),
            cache: ByteSize(10 << 30),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_read_as_it_is_shown() {
        for text in ["s3://logs", "s3://logs.example.org/eu/prod_1"] {
            assert_eq!(text.parse::<BucketUrl>().unwrap().to_string(), text);
        }
        let trailing = "s3://logs/eu/".parse::<BucketUrl>().unwrap();
        assert_eq!((trailing.bucket.as_str(), trailing.prefix.as_str()), ("logs", "eu"));
        for wrong in ["", "logs", "s3://", "s3:///a", "s3://a b", "s3://a//b", "s3://a/../b", "https://a/b"] {
            assert!(wrong.parse::<BucketUrl>().is_err(), "{wrong}");
        }
    }
}
