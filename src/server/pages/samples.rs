//! Every page once, filled with sample data: what the tests of this module look at.

use super::application_form::{self, Offered};
use super::console::{
    Act, Cell, Change, ConsoleCase, ConsoleForm, ConsoleHome, ConsoleList, ConsoleLog, Count, Done, Member,
    Section, Table,
};
use super::forms::{self, AskWhy, CertificateToIssue, Choice, Field, FieldKind};
use super::parts::{CheckResult, Fact, Link, Tone, Verdict};
use super::person::{
    Account, Answered, Approval, Approvals, CertificateView, ChangePassword, Comparison, ConfirmLogout,
    Consent, Detail, Device, DeviceConsent, Enrol, ErrorPage, GrantView, Home, Leave, Leaving, LinkPage,
    LinkView, LoggedOut, Login, Post, SessionView, UpstreamView,
};
use super::verifying::{
    CertificateLookup, CheckView, FoundCertificate, ReportView, RulingView, SignatureView, Verify,
    VerifyResult,
};
use super::{Display, Frame, Message, Pages, Template};

const CSRF: &str = "csrf-token";
const IDENTIFIER: &str = "1.2.156.3005.2.11350000003591037R001.11350100MB1234567K.2026000123.001.V";

/// The name and the HTML of every page.
pub(crate) fn all(display: Display) -> Vec<(&'static str, String)> {
    let pages = Pages::load(true).unwrap();
    let frame = || pages.frame(display, "/login?flow=abc");
    let known = || frame().known_as("林晓梅");
    let mut out = Vec::new();
    let mut add = |name, page: Result<String, askama::Error>| out.push((name, page.unwrap()));
    add("home", home(frame()).render());
    add("login", login(frame(), None).render());
    add("login_error", login(frame(), Some(Message::new("login-wait").with("seconds", 30))).render());
    add("leaving", leaving(frame()).render());
    add("link", link(frame(), false).render());
    add("link_known", link(known(), true).render());
    add("consent", consent(known()).render());
    let fields = vec![("code".to_owned(), "c0de".to_owned()), ("state".to_owned(), "\"><script>".to_owned())];
    add("post", Post { frame: frame(), action: "https://app.example/callback".into(), fields }.render());
    add(
        "consent_document",
        Consent { document_host: Some("app.example".into()), ..consent(known()) }.render(),
    );
    add("leave", leave(frame(), Vec::new()).render());
    add("leave_post", leave(frame(), vec![("error".to_owned(), "\"><script>".to_owned())]).render());
    add("enrol", enrol(frame()).render());
    add("device", device(frame(), None).render());
    add("device_wrong", device(frame(), Some(Message::new("device-wrong"))).render());
    add("device_consent", device_consent(known()).render());
    add("approvals", approvals(known(), true).render());
    add("approvals_none", approvals(known(), false).render());
    for (name, allowed) in [("answered_allowed", true), ("answered_denied", false)] {
        add(name, Answered { frame: known(), client_name: "示例市民服务".into(), allowed }.render());
    }
    let back = Some("https://app.example/".to_owned());
    let front_channel = vec!["https://app.example/out?sid=ses_1".to_owned()];
    add("logged_out", LoggedOut { frame: frame(), back, front_channel }.render());
    add("confirm_logout", confirm_logout(known()).render());
    add("error", error(frame()).render());
    add("account", account(known()).render());
    add("verify", Verify { frame: frame(), size_max_megabytes: 50, error: None, csrf: CSRF.into() }.render());
    for (name, verdict) in [
        ("report_passed", Verdict::Passed),
        ("report_unsure", Verdict::Indeterminate),
        ("report_failed", Verdict::Failed),
    ] {
        add(name, VerifyResult { frame: frame(), report: report(verdict) }.render());
    }
    add("certificate", certificate(frame()).render());
    add("console", console_home(known()).render());
    add("applications", applications(known()).render());
    add("ask", ask(known()).render());
    add("change", change(known()).render());
    add("request", case(known(), true).render());
    add("application", case(known(), false).render());
    add("change_password", change_password(known(), false).render());
    add("change_password_wrong", change_password(known(), true).render());
    add("people", people(known()).render());
    add("seals", seals(known()).render());
    add("issue", issue(known()).render());
    add("destroy_seal", one_form(known(), Section::Seals, destroy_seal(&known())).render());
    add("certificate_state", one_form(known(), Section::Certificates, certificate_state(&known())).render());
    add("log", log(known()).render());
    add("keys", keys(known()).render());
    out
}

fn home(frame: Frame) -> Home {
    let link = |path: &str, key| Link::new(format!("http://localhost:8080{path}"), Message::new(key));
    let developer_links = vec![
        link("/.well-known/openid-configuration", "discovery-document"),
        link("/oauth2/jwks", "key-set"),
        link("/oauth2/jwks-sm", "key-set-sm"),
        link("/log/checkpoint", "log-checkpoint"),
    ];
    Home { frame, developer_links }
}

fn login(frame: Frame, error: Option<Message>) -> Login {
    let client_name = Some("示例市民服务".into());
    Login {
        frame,
        client_name,
        client_host: Some("app.example".into()),
        login_hint: "lin.xiaomei".into(),
        error,
        flow: "abc".into(),
        upstreams: vec![UpstreamView { id: "city".into(), name: "<b>市级节点".into() }],
        csrf: CSRF.into(),
    }
}

fn link(frame: Frame, known: bool) -> LinkPage {
    LinkPage {
        frame,
        upstream_name: "市级节点".into(),
        their_name: Some("\"><script>".into()).filter(|_| known),
        own: Some(("林晓梅".into(), "lin.xiaomei".into())).filter(|_| known),
        login_hint: String::new(),
        may_create: true,
        arrival: "arrival".into(),
        flow: "back:/link?arrival=arrival".into(),
        other: Some("/login?back=%2Flink".into()),
        back: "/login?flow=abc".into(),
        csrf: CSRF.into(),
    }
}

fn leaving(frame: Frame) -> Leaving {
    Leaving {
        frame,
        upstream_name: "市级节点".into(),
        host: "id.city.example".into(),
        url: "https://id.city.example/authorize?state=\"><script>".into(),
    }
}

fn consent(frame: Frame) -> Consent {
    Consent {
        frame,
        client_name: "示例市民服务".into(),
        client_host: "app.example".into(),
        account_name: "林晓梅".into(),
        account: "usr_1".into(),
        registered_itself: true,
        document_host: None,
        scopes: ["openid", "profile", "offline_access", "tax:read"].map(String::from).to_vec(),
        details: vec![Detail {
            kind: "payment_initiation".to_owned(),
            fields: vec![("amount".to_owned(), "123.50 CNY".to_owned())],
        }],
        flow: "abc".into(),
        csrf: CSRF.into(),
    }
}

fn leave(frame: Frame, fields: Vec<(String, String)>) -> Leave {
    let (host, action) =
        ("app.example".to_owned(), "https://app.example/callback?error=access_denied".to_owned());
    Leave { frame, client_name: "示例市民服务".into(), host, action, fields }
}

fn device(frame: Frame, error: Option<Message>) -> Device {
    Device { frame, user_code: "BCDF-GHJK".into(), error, csrf: CSRF.into() }
}

fn device_consent(frame: Frame) -> DeviceConsent {
    let consent = consent(frame);
    DeviceConsent {
        facts: vec![
            Fact::new(consent.frame.t("asked-from"), "2001:db8:12:34::/64"),
            Fact::new(consent.frame.t("asked-at"), "2026-11-24 08:30"),
        ],
        frame: consent.frame,
        client_name: consent.client_name,
        account_name: consent.account_name,
        account: consent.account,
        user_code: "BCDF-GHJK".into(),
        scopes: consent.scopes,
        details: consent.details,
        csrf: CSRF.into(),
    }
}

fn approvals(frame: Frame, some: bool) -> Approvals {
    let consent = consent(frame);
    let approval = Approval {
        id: "dfr_01kb9y3e00000000000000000a".into(),
        client_name: consent.client_name,
        message: Some("柜台 7 · <b>W4SCT</b>".into()),
        facts: vec![
            Fact::new(consent.frame.t("asked-at"), "2026-11-24 08:30"),
            Fact::new(consent.frame.t("answer-until"), "2026-11-24 08:40"),
        ],
        scopes: consent.scopes,
        details: consent.details,
    };
    Approvals {
        frame: consent.frame,
        account_name: consent.account_name,
        approvals: if some { vec![approval] } else { Vec::new() },
        csrf: CSRF.into(),
    }
}

fn enrol(frame: Frame) -> Enrol {
    let error = Some(Message::new("enrol-passwords-differ"));
    Enrol {
        frame,
        code: String::new(),
        name: "陈建国".into(),
        username: "admin".into(),
        error,
        csrf: CSRF.into(),
    }
}

fn confirm_logout(frame: Frame) -> ConfirmLogout {
    let hidden = vec![("id_token_hint".into(), "eyJ…".into()), ("state".into(), "\"><script>".into())];
    ConfirmLogout { frame, client_name: None, hidden, csrf: CSRF.into() }
}

fn error(frame: Frame) -> ErrorPage {
    ErrorPage {
        frame,
        status: 400,
        title: Message::new("error-redirect"),
        detail: Some(Message::new("error-redirect-detail")),
        comparison: Some(Comparison {
            what: Message::new("error-redirect-compare"),
            received: "https://app.example/callback/?x=<script>".into(),
            registered: vec!["https://app.example/callback".into(), "http://127.0.0.1/callback".into()],
        }),
        reference: "req_01kb9y3e00000000000000000a".into(),
    }
}

fn account(frame: Frame) -> Account {
    let session = |id: &str, device: &str, current| SessionView {
        id: id.into(),
        device: device.into(),
        used: Some("2026-11-24 10:05".into()),
        network: "2001:db8:12:34::/64".into(),
        since: "2026-11-24 08:30".into(),
        current,
    };
    Account {
        frame,
        name: "林晓梅".into(),
        user_name: "lin.xiaomei".into(),
        real_name: Message::new("real-name-2"),
        facts: vec![Fact::new("身份证号码", "3501**********0027")],
        sessions: vec![
            session("ses_1", "Chromium · Linux", true),
            session("ses_2", "Safari · iPhone", false),
        ],
        grants: vec![GrantView {
            client_id: "citizen-app".into(),
            client_name: "示例市民服务".into(),
            scopes: ["openid", "profile"].map(String::from).to_vec(),
            since: "2026-11-20".into(),
        }],
        upstreams: ["2026-11-24", ""]
            .map(|since| LinkView {
                id: "city".into(),
                name: "市级节点".into(),
                issuer: "https://id.city.example".into(),
                since: since.into(),
            })
            .into(),
        certificates: vec![CertificateView {
            identifier: IDENTIFIER.into(),
            type_name: "食品经营许可证".into(),
            issuer: "示例市市场监督管理局".into(),
            state: "有效".into(),
            tone: Tone::Ok,
            href: format!("/account/certificates/{IDENTIFIER}"),
        }],
        has_password: true,
        done: Some(Message::new("password-changed")),
        csrf: CSRF.into(),
    }
}

fn report(verdict: Verdict) -> ReportView {
    let failed = verdict == Verdict::Failed;
    let check = |result, title: &str, clause: &str, detail: &str| CheckView {
        result,
        title: title.into(),
        clause: clause.into(),
        detail: detail.into(),
    };
    let digest = if failed { CheckResult::Failed } else { CheckResult::Passed };
    ReportView {
        verdict,
        headline: match verdict {
            Verdict::Passed => "印章真实有效，文件自盖章后没有改动".into(),
            Verdict::Indeterminate => "印章完好，但无法确认制章者的身份".into(),
            Verdict::Failed => "文件在盖章后被改动过，请勿采信".into(),
        },
        sub_text: "由“示例省人民政府”于 2026-11-24 16:00 盖章；盖章时间为自称时间，没有时间戳证明。".into(),
        file_name: "关于公布示例目录的通知.ofd".into(),
        kind: "OFD 版式文件（GB/T 33190）".into(),
        facts: vec![Fact::new("大小", "48,213 字节"), Fact::new("SM3 摘要", "9f2c…77a1")],
        warnings: if failed { vec![] } else { vec!["包内有一个未引用的文件。".into()] },
        signatures: vec![SignatureView {
            verdict,
            title: "示例省人民政府".into(),
            facts: vec![
                Fact::new("印章编码", "35000000000001"),
                Fact::new("签章人", "CN=示例省人民政府办公厅, O=示例省, C=CN"),
                Fact::new("自称时间", "2026-11-24 16:00:00"),
            ],
            rulings: vec![
                RulingView {
                    rule: "GB/T 38540-2020".into(), verdict, reason: "按自称时间判断".into()
                },
                RulingView {
                    rule: "严格（ETSI EN 319 102-1）".into(),
                    verdict: if failed { verdict } else { Verdict::Indeterminate },
                    reason: "没有时间戳，无法证明盖章时间 NO_POE".into(),
                },
            ],
            checks: vec![
                check(CheckResult::Passed, "印章结构符合标准", "GB/T 38540-2020, 6.3 a", ""),
                check(
                    CheckResult::Passed,
                    "制章者签名正确",
                    "GB/T 38540-2020, 6.3 b",
                    "SM2，制章者：内置印章制作证书",
                ),
                check(digest, "原文摘要一致", "GB/T 38540-2020, 7.3 g", "Doc_0/Pages/Page_0/Content.xml"),
                check(CheckResult::Warning, "签名值编码", "GB/T 35276", "BIT STRING 末尾的零位被去掉（Q1）"),
                check(CheckResult::NotApplicable, "时间戳", "GB/T 38540-2020, 7.3 h", ""),
                check(CheckResult::Indeterminate, "盖章时印章状态", "GB/T 38540-2020, 7.3 d4", "未联网查询"),
            ],
            bad_files: if failed { vec!["Doc_0/Pages/Page_0/Content.xml".into()] } else { vec![] },
            uncovered: vec!["Doc_0/Signs/Sign_0/SignedValue.dat".into()],
        }],
        links: vec![Link::new("/v1/log/entries/log_1/proof", Message::new("download-proof"))],
    }
}

fn certificate(frame: Frame) -> CertificateLookup {
    CertificateLookup {
        frame,
        identifier: IDENTIFIER.into(),
        error: None,
        found: Some(FoundCertificate {
            verdict: Verdict::Passed,
            state: "有效".into(),
            headline: "这份证照目前有效".into(),
            sub_text: "自 2026-11-24 起，至 2031-11-23 止。".into(),
            type_name: "食品经营许可证".into(),
            facts: vec![
                Fact::new("电子证照标识", IDENTIFIER),
                Fact::new("签发机构", "示例市市场监督管理局"),
                Fact::new("持证主体", "示例**有限公司"),
                Fact::new("日志序号", "1024"),
            ],
            links: vec![
                Link::new("/certificates/file", Message::new("download-certificate")),
                Link::new("/certificates/proof", Message::new("download-proof")),
            ],
        }),
    }
}

fn table(frame: &Frame, caption: &str, headers: &[&str], rows: Vec<Vec<Cell>>) -> Table {
    let headers = headers.iter().map(|key| frame.t(key)).collect();
    Table { caption: frame.t(caption), headers, rows, more: None }
}

fn entries(frame: &Frame) -> Table {
    let headers =
        ["column-number", "column-time", "column-event", "column-actor", "column-subject", "column-action"];
    let row = |n: u64, kind: &str| {
        vec![
            Cell::Text(n.to_string()),
            Cell::Time("2026-11-24 16:00".into()),
            Cell::Text(frame.t(kind)),
            Cell::Code("usr_01kb9y3e00000000000000000a".into()),
            Cell::Code("seal_01kb9y3e00000000000000000b".into()),
            Cell::Links(vec![Link::new("/log/proof/7", Message::new("proof"))]),
        ]
    };
    let rows =
        vec![row(1025, "kind-document_sealed"), row(1024, "kind-ecert_issued"), row(1023, "kind-decision")];
    Table {
        more: Some(Link::new("/console/log?before=1023", Message::new("more"))),
        ..table(frame, "latest-entries", &headers, rows)
    }
}

fn console_home(frame: Frame) -> ConsoleHome {
    let count = |key, value, href: &str| Count { label: Message::new(key), value, href: href.into() };
    let counts = vec![
        count("count-accounts", 7, "/console/people"),
        count("count-applications", 2, "/console/applications"),
        count("count-seals", 3, "/console/seals"),
        count("count-certificates", 1204, "/console/certificates"),
        count("count-documents", 56, "/console/seals"),
        count("count-entries", 1026, "/console/log"),
    ];
    ConsoleHome { tables: vec![entries(&frame)], frame, counts }
}

fn applications(frame: Frame) -> ConsoleList {
    let headers = [
        "column-name",
        "column-identifier",
        "column-algorithm",
        "column-redirect-uris",
        "column-state",
        "column-action",
    ];
    let rows = vec![vec![
        Cell::Text("示例市民服务".into()),
        Cell::Code("citizen-app".into()),
        Cell::Text("ES256".into()),
        Cell::Code("https://app.example/callback".into()),
        Cell::Badge { tone: Tone::Ok, text: frame.t("state-active") },
        Cell::Act(Act {
            action: "/console/applications/suspend".into(),
            csrf: CSRF.into(),
            hidden: vec![("client".into(), "citizen-app".into())],
            label: Message::new("suspend"),
        }),
    ]];
    let tables = vec![table(&frame, "section-applications", &headers, rows)];
    ConsoleList {
        links: vec![Link::new("/console/applications/new", Message::new("register-application"))],
        frame,
        section: Section::Applications,
        done: None,
        error: None,
        tables,
        forms: Vec::new(),
    }
}

fn offered() -> Offered {
    Offered {
        units: units(),
        scopes: vec![Choice::new("profile", "基本资料"), Choice::new("signal:report", "上报风险信号")],
        algorithms: &["ES256", "SM2", "RS256"],
        certificates: true,
    }
}

fn ask(frame: Frame) -> ConsoleForm {
    let wrong = Message::new("field-bad").with("expected", "https").with("got", "http://app.example/cb");
    let form = application_form::ask(&frame, CSRF, &offered())
        .filled(|name| (name == "redirect_uris").then(|| "http://app.example/cb<script>".into()))
        .wrong("redirect_uris", wrong)
        .wrong("jwks", Message::new("field-missing"))
        .wrong("scope.signal:report", Message::new("field-missing"));
    one_form(frame, Section::Applications, form)
}

fn change(frame: Frame) -> ConsoleForm {
    let form = application_form::change(&frame, CSRF, &offered(), "app_1", "示例市民服务<script>");
    one_form(frame, Section::Applications, form)
}

/// An application, or a request for one when `asked`.
fn case(frame: Frame, asked: bool) -> ConsoleCase {
    let done = Done {
        message: Message::new("secret-made-now"),
        facts: vec![
            Fact::new(frame.t("client-id"), "citizen-app"),
            Fact::new(frame.t("client-secret"), "Zx3vJ0n5d1y8u2k4q6w9e7r5t3y1u8i6o4p2a0s9d7f"),
        ],
        links: vec![],
    };
    let subject = ("request", "apr_01kb9y3e00000000000000000a");
    let approve = ("approve", "/console/applications/requests/approve");
    let refuse = AskWhy {
        name: "refuse",
        action: "/console/applications/requests/refuse",
        title: "refuse",
        lead: "refuse-lead",
        label: "state-reason",
        hint: "refuse-hint",
        submit: "refuse",
        subject,
    };
    let forms = vec![
        forms::button(&frame, CSRF, approve, ("approve", "approve-change-lead", "approve"), subject),
        forms::with_reason(&frame, CSRF, &refuse),
    ];
    let change = Change {
        label: frame.t("redirect-uris"),
        before: vec!["https://app.example/cb".into()],
        after: vec!["https://app.example/cb".into(), "https://evil.example/<script>".into()],
    };
    ConsoleCase {
        section: Section::Applications,
        title: "示例市民服务<script>".into(),
        state: (Tone::Warn, frame.t("request-state-submitted")),
        done: if asked { None } else { Some(done) },
        error: asked.then(|| Message::new("refused-already-decided")),
        facts: vec![Fact::new(frame.t("unit"), "示例市市场监督管理局")],
        concerns: if asked { vec![frame.t("concern-several-hosts")] } else { vec![] },
        changes: if asked { vec![change] } else { vec![] },
        members: vec![Member {
            label: frame.t("redirect-uris"),
            lines: vec!["https://app.example/cb".into()],
        }],
        tables: if asked {
            vec![]
        } else {
            vec![table(&frame, "application-history", &["column-name"], vec![])]
        },
        links: vec![Link::new("/console/applications/app_1", Message::new("show-application"))],
        forms,
        frame,
    }
}

fn change_password(frame: Frame, wrong: bool) -> ChangePassword {
    let wrong = |key| wrong.then(|| Message::new(key));
    ChangePassword {
        frame,
        user_name: "lin.xiaomei".into(),
        error: wrong("refused-busy"),
        current_wrong: wrong("current-password-wrong"),
        new_wrong: wrong("password-refused"),
        again_wrong: wrong("enrol-passwords-differ"),
        csrf: CSRF.into(),
    }
}

fn list(frame: Frame, section: Section, form: forms::Form) -> ConsoleList {
    let tables = vec![table(&frame, section.key(), &["column-name"], vec![])];
    ConsoleList { frame, section, done: None, error: None, links: vec![], tables, forms: vec![form] }
}

fn seals(frame: Frame) -> ConsoleList {
    let reason = "按现行策略，只有印章管理员可以用印";
    let error = Some(Message::new("not-permitted").with("reason", reason));
    let make = forms::make_seal(&frame, CSRF, units());
    let put = forms::seal_document(&frame, CSRF, vec![Choice::new("seal_1", "示例省人民政府")]);
    ConsoleList { error, forms: vec![make.clone(), put], ..list(frame, Section::Seals, make) }
}

fn issue(frame: Frame) -> ConsoleForm {
    let kinds = vec![Choice::new("chain", "连锁"), Choice::new("single", "单体")];
    let form = forms::issue_certificate(
        &frame,
        CSRF,
        CertificateToIssue {
            type_code: "11350000003591037R001".into(),
            type_name: "食品经营许可证".into(),
            fields: vec![
                Field::required("address", "经营场所", FieldKind::Text),
                Field::required("经营方式", "经营方式", FieldKind::Choice(kinds)),
                Field::optional("notes", "备注", FieldKind::LongText),
                Field::optional("chain", "连锁企业", FieldKind::Check).hint("总部统一配送"),
            ],
            valid_until: "2031-11-23".into(),
        },
    );
    let form = form.wrong("field.address", Message::new("field-missing"));
    one_form(frame, Section::Certificates, form)
}

fn one_form(frame: Frame, section: Section, form: forms::Form) -> ConsoleForm {
    ConsoleForm { frame, section, error: None, form }
}

fn destroy_seal(frame: &Frame) -> forms::Form {
    forms::destroy_seal(frame, CSRF, "seal_1", "示例省人民政府<script>")
}

fn certificate_state(frame: &Frame) -> forms::Form {
    let states = vec![Choice::new("02", "暂扣"), Choice::new("07", "吊销")];
    forms::change_certificate_state(frame, CSRF, IDENTIFIER, states)
}

fn people(frame: Frame) -> ConsoleList {
    let roles =
        ["administrator", "application_registrar", "seal_keeper", "certificate_issuer", "impersonator"];
    let person = forms::add_account(&frame, CSRF, units(), &roles);
    let unit = forms::add_unit(&frame, CSRF, units(), &["province", "city"]);
    ConsoleList { forms: vec![person.clone(), unit], ..list(frame, Section::People, person) }
}

fn log(frame: Frame) -> ConsoleLog {
    ConsoleLog {
        size: 1026,
        checkpoint: "localhost:8080/log\n1026\n6cyrwNKVCaMcTkvNcAkqm2xBXDgkVPdvYUrRVQdl3qY=\n\n— localhost:8080/log \
                     OvRkDq2xBXDgkVPdvYUrRVQdl3qY6cyrwNKVCaMcTkvNcAkqm2xBXDgkVPdvYUrRVQdl3qY6cyrwNKVCaMcTkvNcAkq=\n"
            .into(),
        log_key: "localhost:8080/log+3af4640e+/0dCL1QgMzI5MTggU00yLXdpdGgtU00zBHr3…".into(),
        verify_command: "yinxin audit verify --data ./data".into(),
        entries: entries(&frame),
        frame,
    }
}

fn keys(frame: Frame) -> ConsoleList {
    let headers =
        ["column-identifier", "column-purpose", "column-algorithm", "column-state", "column-created"];
    let rows = vec![vec![
        Cell::Code("key_01kb9y3e00000000000000000a".into()),
        Cell::Text("ID token".into()),
        Cell::Text("SM2".into()),
        Cell::Badge { tone: Tone::Plain, text: frame.t("state-retired") },
        Cell::Time("2026-11-24".into()),
    ]];
    let tables = vec![table(&frame, "section-keys", &headers, rows)];
    ConsoleList {
        frame,
        section: Section::Keys,
        done: None,
        error: None,
        links: vec![],
        tables,
        forms: vec![],
    }
}

fn units() -> Vec<Choice> {
    vec![Choice::new("org_1", "示例省人民政府"), Choice::new("org_2", "示例市市场监督管理局")]
}
