//! A person's entry.

use ldap3::{Scope, SearchEntry};

use super::connection::Connection;
use super::names::{is_below, lower};
use super::{Directory, Groups, Trouble};

/// What is read of a person.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) dn: String,
    pub(super) subject: String,
    pub(super) name: String,
    /// DNs of groups that stand in the entry.
    pub(super) member_of: Vec<String>,
}

impl Person {
    /// The one entry that a name finds. Two are an error: nobody can say which of them it is.
    pub(super) async fn find(
        connection: &mut Connection,
        directory: &Directory,
        name: &str,
    ) -> Result<Option<Self>, Trouble> {
        let mut attributes = vec![directory.name_attribute.as_str()];
        attributes.extend(directory.subject_attribute.as_deref());
        if let Groups::MemberOf { attribute, .. } = &directory.groups {
            attributes.push(attribute);
        }
        let filter = directory.filter.fill_filter(name);
        let found = connection.search(&directory.base, Scope::Subtree, &filter, &attributes, 2).await?;
        let mut found = found.into_iter();
        let Some(entry) = found.next() else { return Ok(None) };
        if found.next().is_some() {
            return Err(Trouble::Nonsense("several people have this name"));
        }
        if !is_below(&entry.dn, &directory.base) {
            return Err(Trouble::Nonsense("an entry is not where it was looked for"));
        }
        let member_of = match &directory.groups {
            Groups::MemberOf { attribute, .. } => texts(&entry, attribute).map(<[String]>::to_vec).unwrap_or_default(),
            _ => Vec::new(),
        };
        let name = only(&entry, &directory.name_attribute)
            .ok_or(Trouble::Nonsense("a person's entry does not have one name in the configured attribute"))?;
        let subject = match &directory.subject_attribute {
            None => lower(&entry.dn),
            Some(attribute) => only(&entry, attribute)
                .ok_or(Trouble::Nonsense("a person's entry does not have one value in the attribute of the subject"))?,
        };
        Ok(Some(Self { dn: entry.dn, subject, name, member_of }))
    }
}

/// The values of an attribute, whatever its letters' case.
pub(super) fn texts<'e>(entry: &'e SearchEntry, attribute: &str) -> Option<&'e [String]> {
    let found = entry.attrs.iter().find(|(name, _)| name.eq_ignore_ascii_case(attribute));
    found.map(|(_, values)| values.as_slice())
}

/// The single value of an attribute; one that is no text as hexadecimal digits.
pub(super) fn only(entry: &SearchEntry, attribute: &str) -> Option<String> {
    if let Some([value]) = texts(entry, attribute) {
        return (!value.is_empty()).then(|| value.clone());
    }
    let found = entry.bin_attrs.iter().find(|(name, _)| name.eq_ignore_ascii_case(attribute));
    match found.map(|(_, values)| values.as_slice()) {
        Some([value]) => Some(value.iter().map(|byte| format!("{byte:02x}")).collect()),
        _ => None,
    }
}
