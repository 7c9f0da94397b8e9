//! Where the files of the tables are kept when not in the data folder: `storage.url` and `storage.s3`.

use stdx::Settings;
use storage::{BucketConfig, BucketUrl, Encryption, Keys};

use super::secret;

const SECRET: [&str; 2] = ["Secret part of the key.", "File that holds the secret part, in place of it."];

/// Reads the settings of the bucket; `None` without `storage.url`.
pub(super) fn read(settings: &mut Settings) -> Option<BucketConfig> {
    let url: Option<String> = settings.optional(
        "storage.url",
        "Bucket for the files of the tables, `s3://bucket/prefix`, in place of the data folder, where WAL and lock stay.",
    );
    let url = url.as_deref().and_then(|url| match url.parse::<BucketUrl>() {
        Ok(url) => Some(url),
        Err(reason) => {
            settings.problem("storage.url", reason);
            None
        }
    });
    // Without a bucket the keys are read all the same, so that they are known and their problems reported.
    let default =
        BucketConfig::at(url.clone().unwrap_or_else(|| BucketUrl { bucket: String::new(), prefix: String::new() }));
    let endpoint: Option<String> =
        settings.optional("storage.s3.endpoint", "Address of the store, `https://…`; without it that of AWS.");
    let config = BucketConfig {
        region: settings.or("storage.s3.region", default.region.clone(), "Region of the bucket."),
        keys: keys(
            settings,
            "",
            "Id of the key that writes; without it `AWS_…` of the environment or the role of the machine.",
        ),
        read_keys: keys(settings, "read_", "Id of the key that queries read with; without it the one that writes."),
        encryption: encryption(settings),
        allow_http: allow_http(settings, endpoint.as_deref()),
        timeout: settings.or(
            "storage.s3.timeout",
            default.timeout,
            "How long one request may take; all tries of one together take at most twice as long.",
        ),
        cache: settings.or(
            "storage.cache",
            default.cache,
            "Disk in the data folder for copies of what was read from the bucket; 0 for none.",
        ),
        endpoint,
        ..default
    };
    url.map(|_| config)
}

fn keys(settings: &mut Settings, role: &str, doc: &'static str) -> Option<Keys> {
    let key = |name: &str| format!("storage.s3.{role}{name}");
    let id: Option<String> = settings.optional(&key("access_key_id"), doc);
    let secret = secret::read(settings, &key("secret_access_key"), SECRET);
    match (id, secret) {
        (Some(id), Some(secret)) => Some(Keys { id, secret }),
        (None, None) => None,
        (id, _) => {
            let missing = if id.is_some() { key("secret_access_key") } else { key("access_key_id") };
            settings.problem(&missing, "is missing; a key has both parts");
            None
        }
    }
}

fn encryption(settings: &mut Settings) -> Encryption {
    let words = [("bucket", 0), ("aes256", 1), ("kms", 2)];
    let doc = "What the store is asked to encrypt files with: what the `bucket` does by itself, its own keys (`aes256`), or a key of the key service (`kms`).";
    let word = settings.choice("storage.s3.encryption", &words, "bucket", doc);
    let key: Option<String> = settings.optional("storage.s3.kms_key", "The key for `kms`, by its id or ARN.");
    match (word, key) {
        (Some(1), _) => Encryption::Aes256,
        (Some(2), Some(key)) => Encryption::Kms(key),
        (Some(2), None) => {
            settings.problem("storage.s3.kms_key", "is missing; `kms` wants a key");
            Encryption::Bucket
        }
        _ => Encryption::Bucket,
    }
}

/// Keys and logs go over the network in clear only when that is asked for, or when they stay on the machine.
fn allow_http(settings: &mut Settings, endpoint: Option<&str>) -> bool {
    let doc = "Speaks to a store that has no TLS; not needed on loopback.";
    let allowed = settings.or("storage.s3.allow_http", false, doc);
    let Some(host) = endpoint.and_then(|endpoint| endpoint.strip_prefix("http://")) else { return allowed };
    let host = host.split('/').next().unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    let loopback = tls::is_loopback(host);
    if !allowed && !loopback {
        let remedy =
            "would send keys and logs over the network in clear; use `https://`, or set `storage.s3.allow_http = true`";
        settings.problem("storage.s3.endpoint", remedy);
    }
    allowed || loopback
}
