use super::*;
use crate::account::LoginName;

/// Entropy that a test can foresee: 0, 1, 2, ...
struct Counting;

impl Entropy for Counting {
    fn fill(&self, out: &mut [u8]) {
        out.iter_mut().zip(0u8..).for_each(|(byte, value)| *byte = value);
    }
}

fn password(typed: &str) -> Password {
    Password::new(typed).ok().unwrap()
}

fn hasher() -> PasswordHasher {
    PasswordHasher::new(Secret::new([7; 32]))
}

fn refusal(typed: &str) -> Option<BadPassword> {
    let login_name: LoginName = "xiaoman".parse().unwrap();
    Password::new(typed).and_then(|password| check(&password, &login_name)).err()
}

#[test]
fn any_long_enough_password_is_good_without_rules_of_composition() {
    for good in [
        "correct horse battery staple",
        "雨后的武夷山很安静",
        "ykqzvwbn",
        " 73 91 40 ",
        &"木".repeat(64).replace("木木", "木林"),
    ] {
        assert_eq!(refusal(good), None, "{good}");
    }
}

#[test]
fn short_huge_guessable_and_personal_passwords_are_refused() {
    assert_eq!(refusal("ykqzvwb"), Some(BadPassword::TooShort(7)));
    assert_eq!(refusal("雨后的武夷山"), Some(BadPassword::TooShort(6)));
    assert_eq!(refusal(&"ab".repeat(65)), Some(BadPassword::TooLong));
    assert_eq!(refusal(&"x".repeat(10_000_000)), Some(BadPassword::TooLong));
    for common in
        ["Password1", "P@ssw0rd", "qwertyuiop", "woaini1314", "a123456789", "5201314520", "1qaz2wsx"]
    {
        assert_eq!(refusal(common), Some(BadPassword::Common), "{common}");
    }
    for pattern in ["aaaaaaaa", "12345678", "87654321", "ABCDEFGH", "木木木木木木木木"] {
        assert_eq!(refusal(pattern), Some(BadPassword::Pattern), "{pattern}");
    }
    for personal in ["XiaoMan1", "1xiaoman2026", "xiaomanxiaoma"] {
        assert_eq!(refusal(personal), Some(BadPassword::LoginName), "{personal}");
    }
    assert_eq!(refusal("xiaoman ykqzvwbn"), None, "enough is left without the name");
}

#[test]
fn a_password_opens_its_hash_and_no_other_does() {
    let hash = hasher().hash(&password("雨后的武夷山很安静"), &base::OsEntropy).unwrap();
    let opens = |typed: &str| hasher().verify(&password(typed), Some(&hash)).unwrap();
    assert!(opens("雨后的武夷山很安静"));
    for wrong in ["雨后的武夷山很安", "雨后的武夷山很安静 ", ""] {
        assert!(!opens(wrong), "{wrong}");
    }
    let other_pepper = PasswordHasher::new(Secret::new([8; 32]));
    assert!(!other_pepper.verify(&password("雨后的武夷山很安静"), Some(&hash)).unwrap());
}

#[test]
fn a_password_is_the_same_from_every_keyboard() {
    let hash = hasher().hash(&password("cafe\u{301} ole\u{301}!"), &base::OsEntropy).unwrap();
    assert!(hasher().verify(&password("café olé!"), Some(&hash)).unwrap());
    assert!(!hasher().verify(&password("CAFÉ OLÉ!"), Some(&hash)).unwrap(), "capitals count");
}

#[test]
fn the_same_password_is_never_stored_the_same_way() {
    let [a, b] = [0, 1].map(|_| hasher().hash(&password("ykqzvwbn"), &base::OsEntropy).unwrap().to_string());
    assert_ne!(a, b);
}

#[test]
fn somebody_who_does_not_exist_has_no_password() {
    assert!(!hasher().verify(&password("ykqzvwbn"), None).unwrap());
}

/// Computed apart from this code: HMAC-SM3 of OpenSSL 3, then the reference implementation of Argon2 in C.
const VECTOR: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$Bh3ru3W1k3Njjo5ZCboi8/hkL/+F8EYBDVfAyKMDxw8";

#[test]
fn the_stored_form_is_that_of_the_reference_implementation() {
    let hash = hasher().hash(&password("雨后的武夷山很安静"), &Counting).unwrap();
    assert_eq!(hash.to_string(), VECTOR);
    let stored: PasswordHash = VECTOR.parse().unwrap();
    assert!(hasher().verify(&password("雨后的武夷山很安静"), Some(&stored)).unwrap());
    assert!(!hasher().needs_rehash(&stored));
}

#[test]
fn a_hash_made_at_another_cost_still_opens_and_is_made_anew() {
    let stored: PasswordHash =
        "$argon2id$v=19$m=64,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$Dq6rho9ZAZD3TUytrMcQls2IalMlcUqEaKhfRs4Nv1M"
            .parse()
            .unwrap();
    assert_eq!(stored.cost(), Cost { memory_kib: 64, passes: 1, lanes: 1 });
    assert!(hasher().verify(&password("ykqzvwbn"), Some(&stored)).unwrap());
    assert!(hasher().needs_rehash(&stored));
}

#[test]
fn a_row_cannot_ask_for_more_than_the_machine_has() {
    let with_cost = |cost: &str| VECTOR.replace("m=19456,t=2,p=1", cost).parse::<PasswordHash>().err();
    for bad in [
        "m=4294967295,t=2,p=1",
        "m=19456,t=4294967295,p=1",
        "m=19456,t=2,p=5",
        "m=7,t=2,p=1",
        "m=19456,t=0,p=1",
    ] {
        assert_eq!(with_cost(bad), Some(BadPasswordHash), "{bad}");
    }
    for bad in ["t=2,m=19456,p=1", "m=19456,t=2", "m=19456,t=2,p=1,x=1", "m=-1,t=2,p=1"] {
        assert_eq!(with_cost(bad), Some(BadPasswordHash), "{bad}");
    }
    for bad in [
        "",
        "$argon2i$v=19$",
        &VECTOR.replace("v=19", "v=16"),
        &format!("{VECTOR}$"),
        &VECTOR[..VECTOR.len() - 1],
    ] {
        assert_eq!(bad.parse::<PasswordHash>().err(), Some(BadPasswordHash), "{bad}");
    }
}

#[test]
fn nothing_of_a_hash_is_printed_by_accident() {
    let printed = format!("{:?}", VECTOR.parse::<PasswordHash>().unwrap());
    assert!(printed.contains("19456") && !printed.contains(VECTOR.rsplit('$').next().unwrap()));
}
