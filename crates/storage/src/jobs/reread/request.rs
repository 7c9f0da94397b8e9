//! What was asked for, and how far it is: one small file a tenant.

use std::io::Write as _;

use logline::{Tenant, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::store::{Listed, Store};
use crate::{Error, paths};

/// A request to make a tenant's rows anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) tenant: Tenant,
    /// When.
    pub(super) asked: Timestamp,
    /// Its own: another one in its place begins from the start. Earlier versions gave none.
    #[serde(default)]
    pub(super) id: Option<String>,
    /// The first day that is not done; none before the first is.
    pub(super) next: Option<i64>,
}

impl Request {
    pub(super) fn new(tenant: &Tenant, now: Timestamp) -> Self {
        Self { tenant: tenant.clone(), asked: now, id: Some(Uuid::new_v4().to_string()), next: None }
    }

    /// All there are, the one that was asked first in front; blocks.
    pub(super) fn all(store: &dyn Store) -> Result<Vec<Self>, Error> {
        let listed = store.list(paths::rereads())?;
        let mut all = listed.iter().map(|file| read(store, file)).collect::<Result<Vec<_>, _>>()?;
        all.sort_by_key(|request| request.asked);
        Ok(all)
    }

    /// Makes it durable; blocks.
    pub(super) fn write(&self, store: &dyn Store) -> Result<(), Error> {
        let path = paths::reread(&self.tenant);
        let text = serde_json::to_vec(self).map_err(Error::internal)?;
        let mut file = store.create(&path)?;
        file.write_all(&text).map_err(|error| Error::io("write to", &store.location(&path), error))?;
        file.finish().map(drop)
    }

    /// Notes how far it is; false when somebody has asked anew. Blocks.
    pub(super) fn advance(&self, store: &dyn Store) -> Result<bool, Error> {
        let is_own = self.is_newest(store)?;
        if is_own {
            self.write(store)?;
        }
        Ok(is_own)
    }

    /// It is done; false when somebody has asked anew. Blocks.
    pub(super) fn remove(&self, store: &dyn Store) -> Result<bool, Error> {
        let is_own = self.is_newest(store)?;
        if is_own {
            store.delete(&paths::reread(&self.tenant))?;
        }
        Ok(is_own)
    }

    fn is_newest(&self, store: &dyn Store) -> Result<bool, Error> {
        let own = paths::reread(&self.tenant);
        let listed = store.list(paths::rereads())?;
        let known = listed.iter().find(|file| file.path == own).map(|file| read(store, file)).transpose()?;
        Ok(known.is_some_and(|known| known.asked == self.asked && known.id == self.id))
    }
}

fn read(store: &dyn Store, file: &Listed) -> Result<Request, Error> {
    let bytes = store.open(&file.path, file.bytes)?.read_one(0..file.bytes)?;
    serde_json::from_slice(&bytes).map_err(|error| Error::corrupt(&store.location(&file.path), error.to_string()))
}
