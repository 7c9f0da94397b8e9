//! Where the files of the tables are kept when not in the data folder: `storage.url` and `storage.s3`.

use std::net::IpAddr;
use std::path::PathBuf;

use stdx::{Secret, Settings};
use storage::{BucketConfig, BucketUrl, Encryption, Keys};

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
    let secret = secret(settings, &key("secret_access_key"));
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

/// A secret that stands in the settings, or in a file of its own.
fn secret(settings: &mut Settings, key: &str) -> Option<Secret<String>> {
    let direct: Option<Secret<String>> = settings.optional(key, "Secret part of the key.");
    let file_key = format!("{key}_file");
    let file: Option<PathBuf> = settings.optional(&file_key, "File that holds the secret part, in place of it.");
    let Some(file) = file else { return direct };
    if direct.is_some() {
        settings.problem(&file_key, format!("stands beside `{key}`; write one of them"));
        return None;
    }
    match std::fs::read_to_string(&file) {
        Ok(text) if !text.trim().is_empty() => Some(Secret::new(text.trim().to_owned())),
        Ok(_) => {
            settings.problem(&file_key, format!("names `{}`, which is empty", file.display()));
            None
        }
        Err(error) => {
            settings.problem(&file_key, format!("names `{}`, which cannot be read: {error}", file.display()));
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
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host).trim_matches(['[', ']']);
    let loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if !allowed && !loopback {
        let remedy =
            "would send keys and logs over the network in clear; use `https://`, or set `storage.s3.allow_http = true`";
        settings.problem("storage.s3.endpoint", remedy);
    }
    allowed || loopback
}
