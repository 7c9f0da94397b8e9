//! The groups of a person, those that hold their groups included.
//!
//! All or none: a group that is not known could be one that denies something, so that whatever cannot be followed to its
//! end is an error.

use std::collections::{BTreeSet, HashSet};

use ldap3::{Scope, SearchEntry, ldap_escape};

use super::connection::Connection;
use super::entry::{Person, only, texts};
use super::names::lower;
use super::{GroupName, GroupSearch, Groups, Trouble};

/// How deep groups may lie within groups.
const DEPTH: usize = 16;
/// How many groups a person may be in.
const MOST: usize = 1_000;
/// How many members one search asks for.
const TOGETHER: usize = 50;
/// Active Directory's rule that follows a chain of members.
const IN_CHAIN: &str = "1.2.840.113556.1.4.1941";

/// Names of all groups that a person is in, sorted.
pub(super) async fn of(connection: &mut Connection, groups: &Groups, person: &Person) -> Result<Vec<String>, Trouble> {
    let names = match groups {
        Groups::None => BTreeSet::new(),
        Groups::InChain(search) => {
            let filter = format!("({}:{IN_CHAIN}:={})", search.attribute, ldap_escape(person.dn.as_str()));
            let attributes = attributes(&search.name);
            let found = connection.search(&search.base, Scope::Subtree, &filter, &attributes, MOST).await?;
            found.iter().map(|group| name(group, &search.name)).collect::<Result<_, _>>()?
        }
        Groups::Members(search) => by_members(connection, search, person).await?,
        Groups::MemberOf { attribute, name } => by_member_of(connection, attribute, name, person).await?,
    };
    Ok(names.into_iter().collect())
}

async fn by_members(
    connection: &mut Connection,
    search: &GroupSearch,
    person: &Person,
) -> Result<BTreeSet<String>, Trouble> {
    let (mut names, mut seen) = (BTreeSet::new(), HashSet::from([lower(&person.dn)]));
    let mut members = vec![person.dn.clone()];
    let attributes = attributes(&search.name);
    for _ in 0..DEPTH {
        let mut holders = Vec::new();
        for some in members.chunks(TOGETHER) {
            let filter = one_of(&search.attribute, some);
            for group in connection.search(&search.base, Scope::Subtree, &filter, &attributes, MOST).await? {
                if seen.insert(lower(&group.dn)) {
                    names.insert(name(&group, &search.name)?);
                    holders.push(group.dn);
                }
            }
            check_count(seen.len())?;
        }
        if holders.is_empty() {
            return Ok(names);
        }
        members = holders;
    }
    Err(Trouble::Limit("groups lie too deep within groups"))
}

async fn by_member_of(
    connection: &mut Connection,
    attribute: &str,
    called: &GroupName,
    person: &Person,
) -> Result<BTreeSet<String>, Trouble> {
    let (mut names, mut seen) = (BTreeSet::new(), HashSet::new());
    let mut groups = person.member_of.clone();
    let mut wanted = attributes(called);
    wanted.push(attribute);
    for _ in 0..DEPTH {
        groups.retain(|group| seen.insert(lower(group)));
        check_count(seen.len())?;
        if groups.is_empty() {
            return Ok(names);
        }
        let mut holders = Vec::new();
        for group in &groups {
            let found = connection.search(group, Scope::Base, "(objectClass=*)", &wanted, 1).await?;
            let group = found.first().ok_or(Trouble::Nonsense("a group that is named cannot be read"))?;
            names.insert(name(group, called)?);
            holders.extend(texts(group, attribute).unwrap_or_default().iter().cloned());
        }
        groups = holders;
    }
    Err(Trouble::Limit("groups lie too deep within groups"))
}

fn check_count(count: usize) -> Result<(), Trouble> {
    if count > MOST { Err(Trouble::Limit("a person is in more groups than can be followed")) } else { Ok(()) }
}

fn one_of(attribute: &str, members: &[String]) -> String {
    let each = members.iter().map(|member| format!("({attribute}={})", ldap_escape(member.as_str())));
    format!("(|{})", each.collect::<String>())
}

fn attributes(name: &GroupName) -> Vec<&str> {
    match name {
        // No attribute at all (RFC 4511, 4.5.1.8).
        GroupName::Dn => vec!["1.1"],
        GroupName::Attribute(attribute) => vec![attribute],
    }
}

fn name(group: &SearchEntry, called: &GroupName) -> Result<String, Trouble> {
    match called {
        GroupName::Dn => Ok(lower(&group.dn)),
        GroupName::Attribute(attribute) => {
            // A group may have further names; the first is the one in its DN as directories give it.
            let first = texts(group, attribute).and_then(<[String]>::first).cloned();
            first.or_else(|| only(group, attribute)).ok_or(Trouble::Nonsense("a group has no name"))
        }
    }
}
