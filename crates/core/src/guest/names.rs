//! How to address a guest (rules N1 to N3).

/// The longest name iiko takes for a customer, in characters (N3).
pub const NAME_CHARS_MAX: usize = 60;

/// What is known of a guest's name; any part may be missing or blank.
///
/// A part is blank when it is empty or has nothing but white space, `-`, `.` and `_` (N2): venues
/// type these into fields that must not be empty.
#[derive(Clone, Debug, Default, Eq, PartialEq, minicbor::Encode, minicbor::Decode)]
pub struct Names {
    /// The words the guest wants to hear: `дядя Фёдор`.
    #[n(0)]
    pub salutation: Option<Box<str>>,
    /// The first name.
    #[n(1)]
    pub first: Option<Box<str>>,
    /// The patronymic.
    #[n(2)]
    pub patronymic: Option<Box<str>>,
    /// The last name.
    #[n(3)]
    pub last: Option<Box<str>>,
}

impl Names {
    /// Rule N1: the first of salutation, first name with patronymic, first name with last name,
    /// first name, last name that has no blank part; else `client_id` as stored.
    ///
    /// Names come trimmed, each run of white space as one space. A patronymic alone addresses
    /// nobody. The length is unlimited, see [`Names::display_for_iiko`].
    pub fn display(&self, client_id: &str) -> String {
        if let Some(salutation) = tidy(self.salutation.as_deref()) {
            return salutation;
        }
        let first = tidy(self.first.as_deref());
        let last = tidy(self.last.as_deref());
        match (first, tidy(self.patronymic.as_deref()), last) {
            (Some(first), Some(patronymic), _) => format!("{first} {patronymic}"),
            (Some(first), None, Some(last)) => format!("{first} {last}"),
            (Some(name), None, None) | (None, _, Some(name)) => name,
            (None, _, None) => client_id.to_owned(),
        }
    }

    /// As [`Names::display`], [`cut`] to what iiko takes (N3).
    pub fn display_for_iiko(&self, client_id: &str) -> String {
        let name = self.display(client_id);
        cut(&name, NAME_CHARS_MAX).to_owned()
    }
}

/// The first `chars_max` characters of `text`, without white space or a joiner left at the cut.
///
/// A text that fits comes back as it is.
pub fn cut(text: &str, chars_max: usize) -> &str {
    match text.char_indices().nth(chars_max) {
        None => text,
        Some((end, _)) => {
            let head = text.get(..end).unwrap_or_default();
            head.trim_end_matches(|c: char| c.is_whitespace() || c == '\u{200d}')
        }
    }
}

/// The part in one line, or nothing when it is blank (N2).
fn tidy(part: Option<&str>) -> Option<String> {
    let part = part?;
    let says_something = |c: char| !c.is_whitespace() && !matches!(c, '-' | '.' | '_');
    if !part.contains(says_something) {
        return None;
    }
    let mut line = String::with_capacity(part.len());
    for word in part.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    Some(line)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "10542";

    fn names(salutation: &str, first: &str, patronymic: &str, last: &str) -> Names {
        let part = |text: &str| (text != "–").then(|| text.into());
        Names {
            salutation: part(salutation),
            first: part(first),
            patronymic: part(patronymic),
            last: part(last),
        }
    }

    #[test]
    fn n_a_first_name_with_patronymic() {
        assert_eq!(names("–", "Анна", "Сергеевна", "Ким").display(ID), "Анна Сергеевна");
    }

    #[test]
    fn n_b_last_name_alone() {
        assert_eq!(names("–", "–", "–", "Ким").display(ID), "Ким");
    }

    #[test]
    fn n_c_w43_nothing_but_blanks_shows_the_client_id() {
        assert_eq!(names("  ", "", "–", "-").display(ID), ID);
        assert_eq!(Names::default().display(ID), ID);
        assert_eq!(Names::default().display(" 10542 "), " 10542 ", "as stored");
    }

    #[test]
    fn n_d_salutation_wins() {
        let anna = names("дядя Фёдор", "Анна", "Сергеевна", "Ким");
        assert_eq!(anna.display(ID), "дядя Фёдор");
    }

    #[test]
    fn n1_the_order_of_preference() {
        let rows = [
            (names("–", "Анна", "–", "Ким"), "Анна Ким"),
            (names("–", "Анна", "–", "–"), "Анна"),
            (names("–", "–", "Сергеевна", "Ким"), "Ким"),
            (names("–", "–", "Сергеевна", "–"), ID),
            (names(" . ", "Анна", "_", "- -"), "Анна"),
            (names("\u{a0}", "\t Анна\r\n Мария ", "–", "–"), "Анна Мария"),
            (names("Dr. No", "–", "–", "–"), "Dr. No"),
        ];
        for (names, shown) in rows {
            assert_eq!(names.display(ID), shown, "{names:?}");
        }
    }

    #[test]
    fn w44_odd_characters_stay_as_they_are() {
        let odd = "Анна \"Ня\" О'К & <b> 👩‍🍳";
        assert_eq!(names(odd, "–", "–", "–").display(ID), odd);
    }

    #[test]
    fn n3_cuts_at_sixty_characters() {
        let long = "я".repeat(61);
        assert_eq!(names(&long, "–", "–", "–").display(ID), long);
        let shown = names(&long, "–", "–", "–").display_for_iiko(ID);
        assert_eq!(shown.chars().count(), NAME_CHARS_MAX);
        let at_space = format!("{} Ким", "я".repeat(59));
        assert_eq!(names(&at_space, "–", "–", "–").display_for_iiko(ID), "я".repeat(59));
        assert_eq!(Names::default().display_for_iiko(&long).chars().count(), NAME_CHARS_MAX);
        assert_eq!(cut("👩‍🍳", 2), "👩", "no joiner is left behind");
        assert_eq!(cut("ab ", 3), "ab ");
        assert_eq!(cut("ab", 0), "");
    }

    proptest! {
        #[test]
        fn a_name_is_one_tidy_line(
            parts in prop::array::uniform4(prop::option::of("[ \t\n.\\-_аБ]{0,90}")),
        ) {
            let [salutation, first, patronymic, last] = parts.map(|p| p.map(String::into));
            let names = Names { salutation, first, patronymic, last };
            let shown = names.display(ID);
            prop_assert!(!shown.is_empty());
            prop_assert_eq!(shown.trim(), &shown);
            prop_assert!(!shown.contains("  ") && !shown.contains('\n'));
            prop_assert!(names.display_for_iiko(ID).chars().count() <= NAME_CHARS_MAX);
        }
    }
}
