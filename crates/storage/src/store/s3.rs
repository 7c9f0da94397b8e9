//! Reaches a bucket of an S3-compatible store.

use std::path::Path;
use std::sync::Arc;

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::{ClientOptions, RetryConfig};
use stdx::ByteSize;
use tokio::runtime::{Handle, Runtime};

use super::Cache;
use super::bucket::{Bucket, BucketStore};
use crate::config::{BucketConfig, Encryption, Keys};
use crate::{Error, Metrics, paths};

/// Connecting takes no longer.
const CONNECT: std::time::Duration = std::time::Duration::from_secs(5);
/// Tries of one request.
const TRIES: usize = 10;

/// Builds what reaches the bucket; asks nothing yet. The cache is below `data_dir`.
pub(crate) fn bucket(config: &BucketConfig, data_dir: &Path, metrics: &Metrics) -> Result<Arc<Bucket>, Error> {
    let writing: Arc<AmazonS3> = Arc::new(client(config, config.keys.as_ref())?);
    let reading = match &config.read_keys {
        Some(keys) => Arc::new(client(config, Some(keys))?),
        None => Arc::clone(&writing),
    };
    let cache =
        (0 < config.cache.0).then(|| Cache::open(&paths::Paths::new(data_dir).cache(), config.cache.0, metrics));
    Ok(Arc::new(Bucket {
        writing,
        reading,
        url: config.url.to_string(),
        prefix: object_store::path::Path::from(config.url.prefix.as_str()),
        cache: cache.transpose()?.map(Arc::new),
        deadline: config.timeout.saturating_mul(4),
        runtime: Handle::current(),
    }))
}

/// A bucket for those who have no runtime, such as the command line; it must not be made, used or dropped within one.
#[derive(Debug)]
pub(crate) struct Reached {
    bucket: Arc<Bucket>,
    _runtime: Runtime,
}

impl Reached {
    /// Without a cache.
    pub(crate) fn new(config: &BucketConfig) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| Error::internal(format!("cannot start the runtime: {error}")))?;
        let config = BucketConfig { cache: ByteSize(0), ..config.clone() };
        let bucket = {
            let _within = runtime.enter();
            bucket(&config, Path::new(""), &Metrics::default())?
        };
        Ok(Self { bucket, _runtime: runtime })
    }

    /// All that the bucket has below its prefix.
    pub(crate) fn store(&self) -> BucketStore {
        BucketStore::whole(Arc::clone(&self.bucket))
    }

    pub(crate) const fn bucket(&self) -> &Arc<Bucket> {
        &self.bucket
    }
}

fn client(config: &BucketConfig, keys: Option<&Keys>) -> Result<AmazonS3, Error> {
    let options = ClientOptions::new()
        .with_timeout(config.timeout)
        .with_connect_timeout(CONNECT.min(config.timeout))
        .with_allow_http(config.allow_http);
    let retries =
        RetryConfig { max_retries: TRIES, retry_timeout: config.timeout.saturating_mul(2), ..RetryConfig::default() };
    // Without keys of our own: AWS_ACCESS_KEY_ID and its like, a web identity, or the role of the machine.
    let builder = if keys.is_some() { AmazonS3Builder::new() } else { AmazonS3Builder::from_env() };
    let mut builder = builder
        .with_bucket_name(&config.url.bucket)
        .with_region(&config.region)
        .with_client_options(options)
        .with_allow_http(config.allow_http)
        .with_retry(retries);
    if let Some(endpoint) = &config.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    if let Some(keys) = keys {
        builder = builder.with_access_key_id(&keys.id).with_secret_access_key(keys.secret.reveal());
    }
    builder = match &config.encryption {
        Encryption::Bucket => builder,
        Encryption::Aes256 => {
            builder.with_config("aws_server_side_encryption".parse().map_err(Error::internal)?, "AES256")
        }
        Encryption::Kms(key) => builder.with_sse_kms_encryption(key),
    };
    builder.build().map_err(|error| Error::invalid(format!("cannot reach `{}`: {error}", config.url)))
}
