//! Entry names: only those that mean the same file to every reader.

/// Longest entry name, in bytes.
pub(super) const MAX_NAME_BYTES: usize = 512;

/// Why a name is refused; `Ok(true)` when it names a folder.
pub(super) fn check(name: &str) -> Result<bool, &'static str> {
    let folder = name.ends_with('/');
    let path = name.strip_suffix('/').unwrap_or(name);
    if name.len() > MAX_NAME_BYTES {
        return Err("longer than 512 bytes");
    }
    if name.starts_with('/') {
        return Err("absolute");
    }
    if name.contains('\\') {
        return Err("contains a backslash");
    }
    if name.contains(':') {
        return Err("contains a colon");
    }
    if name.chars().any(char::is_control) {
        return Err("contains a control character");
    }
    if path.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return Err("has an empty, `.` or `..` segment");
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn plain_relative_names_pass_and_tricks_do_not() {
        assert_eq!(check("Doc_0/Pages/Page_0/Content.xml"), Ok(false));
        assert_eq!(check("附件/说明.xml"), Ok(false));
        assert_eq!(check("Doc_0/"), Ok(true));
        for bad in ["", "/", "/OFD.xml", "../x", "a/../b", "a//b", "a\\b", "C:/x", "a/./b", "a\0b", "a\nb"] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
        assert!(check(&"x".repeat(513)).is_err());
    }
}
