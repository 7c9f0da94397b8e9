//! Inhibition: an alert that makes others not worth telling.

use std::collections::BTreeMap;

use super::matcher::Matcher;

/// While an alert fires that the sources fit, those that the targets fit are not told, if the labels in `equal` are the same.
#[derive(Clone, Debug, Default)]
pub struct InhibitRule {
    pub(super) source: Vec<Matcher>,
    pub(super) target: Vec<Matcher>,
    pub(super) equal: Vec<String>,
}

type Labels = BTreeMap<String, String>;

impl InhibitRule {
    /// The first of the alerts that fire which holds this one back; by its position.
    pub fn inhibits<'l>(&self, target: &Labels, mut firing: impl Iterator<Item = &'l Labels>) -> Option<usize> {
        let fits = |matchers: &[Matcher], labels: &Labels| matchers.iter().all(|matcher| matcher.matches(labels));
        if !fits(&self.target, target) {
            return None;
        }
        // Those that are both source and target do not hold each other back.
        let both = fits(&self.source, target);
        let same = |source: &Labels| self.equal.iter().all(|name| value(source, name) == value(target, name));
        firing.position(|source| fits(&self.source, source) && same(source) && !(both && fits(&self.target, source)))
    }
}

fn value<'l>(labels: &'l Labels, name: &str) -> &'l str {
    labels.get(name).map_or("", String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Labels {
        text.split(' ').filter_map(|pair| pair.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
    }

    #[test]
    fn a_source_holds_back_targets_with_the_same_labels() {
        let rule = InhibitRule {
            source: Matcher::parse("severity=critical").unwrap(),
            target: Matcher::parse("severity=~\"warning|info\"").unwrap(),
            equal: vec!["service".to_owned()],
        };
        let critical = labels("severity=critical service=shop");
        let held = |text: &str| rule.inhibits(&labels(text), std::iter::once(&critical)).is_some();
        assert!(held("severity=warning service=shop"));
        assert!(!held("severity=warning service=crm"));
        assert!(!held("severity=critical service=shop"));
        assert!(!held("severity=warning"));
    }

    #[test]
    fn missing_labels_are_equal_and_nothing_holds_itself_back() {
        let rule = InhibitRule {
            source: Matcher::parse("a=b").unwrap(),
            target: Matcher::parse("a=b").unwrap(),
            equal: vec!["zone".to_owned()],
        };
        let one = labels("a=b n=1");
        assert_eq!(rule.inhibits(&labels("a=b n=1"), std::iter::once(&one)), None);
        assert_eq!(rule.inhibits(&labels("a=b n=2"), std::iter::once(&one)), None);
        let wider = InhibitRule { target: Matcher::parse("n=2").unwrap(), ..rule };
        assert_eq!(wider.inhibits(&labels("n=2"), std::iter::once(&one)), Some(0));
    }
}
