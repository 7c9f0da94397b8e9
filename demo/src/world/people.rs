//! Customers: invented people with names, phones, e-mails and test cards. A customer is drawn from the id alone.

use stdx::Rng;

/// Somebody who orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// Stays the same from order to order.
    pub id: u32,
    /// First and last name, Russian or English.
    pub name: String,
    /// As people write it: with spaces, brackets or dashes.
    pub phone: String,
    /// At a domain that nobody can own.
    pub email: String,
    /// A test number that passes the Luhn check, in groups of four.
    pub card: String,
    /// Where the parcel goes.
    pub city: &'static str,
}

type Names = [(&'static str, &'static str)];

/// Written name and its form in an e-mail address.
const FIRST_RU: &Names = &[
    ("Анна", "anna"),
    ("Мария", "maria"),
    ("Екатерина", "ekaterina"),
    ("Ольга", "olga"),
    ("Дарья", "darya"),
    ("Елена", "elena"),
    ("Наталья", "natalya"),
    ("София", "sofia"),
];
const LAST_RU: &Names = &[
    ("Смирнова", "smirnova"),
    ("Иванова", "ivanova"),
    ("Кузнецова", "kuznetsova"),
    ("Попова", "popova"),
    ("Соколова", "sokolova"),
    ("Лебедева", "lebedeva"),
    ("Козлова", "kozlova"),
    ("Новикова", "novikova"),
    ("Морозова", "morozova"),
    ("Волкова", "volkova"),
];
const FIRST_EN: &Names = &[
    ("Emma", "emma"),
    ("Oliver", "oliver"),
    ("Charlotte", "charlotte"),
    ("James", "james"),
    ("Amelia", "amelia"),
    ("Henry", "henry"),
];
const LAST_EN: &Names = &[
    ("Walker", "walker"),
    ("Hughes", "hughes"),
    ("Bennett", "bennett"),
    ("Foster", "foster"),
    ("Reed", "reed"),
    ("Sullivan", "sullivan"),
    ("O'Neil", "oneil"),
];
const CITIES_RU: [&str; 6] = ["Москва", "Санкт-Петербург", "Казань", "Екатеринбург", "Новосибирск", "Тверь"];
const CITIES_EN: [&str; 4] = ["London", "Dublin", "Edinburgh", "Bristol"];
const DOMAINS: [&str; 3] = ["example.com", "example.org", "example.net"];
/// Leading digits that payment systems reserve for tests.
const CARDS: [&str; 4] = ["411111", "555555", "220022", "400000"];

impl Customer {
    /// The person behind an id, the same every time.
    pub fn of(id: u32) -> Self {
        let rng = &mut Rng::seeded(u64::from(id).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let russian = rng.chance(0.7);
        let (first, last) = match russian {
            true => (FIRST_RU, LAST_RU),
            false => (FIRST_EN, LAST_EN),
        };
        let (first, last) = (draw(first, rng), draw(last, rng));
        Self {
            id,
            name: format!("{} {}", first.0, last.0),
            phone: phone(russian, rng),
            email: format!("{}.{}{}@{}", first.1, last.1, rng.below(90) + 10, draw(&DOMAINS, rng)),
            card: card(rng),
            city: if russian { draw(&CITIES_RU, rng) } else { draw(&CITIES_EN, rng) },
        }
    }

    /// As the SDK's masking leaves them; a test of the live services compares.
    #[must_use]
    pub fn masked(self) -> Self {
        let marker = |text: &str| text.to_owned();
        Self {
            name: marker("<name>"),
            phone: marker("<phone>"),
            email: marker("<email>"),
            card: marker("<card>"),
            ..self
        }
    }
}

fn draw<T: Copy + Default>(items: &[T], rng: &mut Rng) -> T {
    rng.pick(items).copied().unwrap_or_default()
}

fn phone(russian: bool, rng: &mut Rng) -> String {
    let (a, b, c) = (rng.below(1000), rng.below(100), rng.below(100));
    match (russian, rng.below(3)) {
        (true, 0) => format!("+7 (9{:02}) {a:03}-{b:02}-{c:02}", rng.below(100)),
        (true, 1) => format!("8 9{:02} {a:03} {b:02} {c:02}", rng.below(100)),
        (true, _) => format!("+79{:02}{a:03}{b:02}{c:02}", rng.below(100)),
        (false, 0) => format!("+44 7{a:03} 9{b:02} {c:02}{}", rng.below(10)),
        (false, _) => format!("+1 202 555 {b:02}{c:02}"),
    }
}

fn card(rng: &mut Rng) -> String {
    let mut digits = format!("{}{:09}", draw(&CARDS, rng), rng.below(1_000_000_000));
    let check = (0..10).find(|check| luhn_sum(&format!("{digits}{check}")).is_multiple_of(10)).unwrap_or(0);
    digits.push_str(&check.to_string());
    let groups: Vec<_> = digits.as_bytes().chunks(4).map(String::from_utf8_lossy).collect();
    groups.join(" ")
}

/// Whether the digits of `number` pass the check of payment cards.
pub fn luhn_valid(number: &str) -> bool {
    luhn_sum(number).is_multiple_of(10)
}

fn luhn_sum(number: &str) -> u32 {
    let doubled = |digit: u32| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let digits = number.chars().rev().filter_map(|c| c.to_digit(10));
    digits.enumerate().map(|(place, digit)| if place % 2 == 1 { doubled(digit) } else { digit }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_is_the_same_person_every_time() {
        assert_eq!(Customer::of(17), Customer::of(17));
        assert_ne!(Customer::of(17).email, Customer::of(18).email);
    }

    #[test]
    fn both_languages_occur_and_every_card_passes_the_check() {
        let people: Vec<_> = (0..200).map(Customer::of).collect();
        let english = people.iter().filter(|person| person.name.is_ascii()).count();
        assert!((20..120).contains(&english));
        assert!(people.iter().all(|person| luhn_valid(&person.card) && person.card.len() == 19));
        assert!(luhn_valid("4111 1111 1111 1111") && !luhn_valid("4111 1111 1111 1112"));
    }
}
