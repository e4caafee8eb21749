//! How one part of a package names another (GB/T 33190-2016, 7.2, `ST_Loc`).

/// The name in the package that `location`, written in the file `base`, means; `None` when it leaves the package.
///
/// `/Doc_0/Document.xml` starts at the root of the package, `Pages/Page_0/Content.xml` at the folder of `base`.
pub fn resolve(base: &str, location: &str) -> Option<String> {
    let location = location.trim();
    if location.contains(['\\', ':', '\0']) {
        return None;
    }
    let mut segments: Vec<&str> = Vec::new();
    let relative = match location.strip_prefix('/') {
        Some(rest) => rest,
        None => {
            segments.extend(folder(base).split('/').filter(|s| !s.is_empty()));
            location
        }
    };
    for segment in relative.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()?),
            plain => segments.push(plain),
        }
    }
    (!segments.is_empty()).then(|| segments.join("/"))
}

/// The folder that `path` lies in, without the slash at its end; empty at the root.
pub fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// `name` inside `folder`.
pub fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn absolute_and_relative_locations_meet_in_one_name() {
        let base = "Doc_0/Signs/Sign_0/Signature.xml";
        for location in
            ["/Doc_0/Document.xml", "../../Document.xml", "/Doc_0/./Document.xml", " /Doc_0//Document.xml\n"]
        {
            assert_eq!(resolve(base, location).as_deref(), Some("Doc_0/Document.xml"), "{location}");
        }
        assert_eq!(resolve(base, "SignedValue.dat").as_deref(), Some("Doc_0/Signs/Sign_0/SignedValue.dat"));
        assert_eq!(resolve("OFD.xml", "Doc_0/Document.xml").as_deref(), Some("Doc_0/Document.xml"));
    }

    #[test]
    fn nothing_leads_out_of_the_package() {
        for location in ["../OFD.xml", "/../etc/passwd", "..\\x", "C:/x", "", "/", "."] {
            assert_eq!(resolve("OFD.xml", location), None, "{location}");
        }
    }
}
