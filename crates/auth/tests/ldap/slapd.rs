//! Debian's slapd in a folder of its own, with people and groups in it.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::authority::Authority;

/// A directory that runs.
pub(crate) struct Slapd {
    pub(crate) folder: TempDir,
    child: Child,
    pub(crate) clear: u16,
    pub(crate) secure: u16,
}

impl Slapd {
    /// Starts it and fills it; none where the program is missing.
    pub(crate) async fn start() -> Option<Self> {
        let program =
            ["/usr/sbin/slapd", "/usr/local/sbin/slapd"].map(PathBuf::from).into_iter().find(|path| path.exists());
        let Some(program) = program else {
            eprintln!("left out: there is no slapd");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let authority = Authority::new("corp");
        authority.write(&folder.path().join("ca.pem"));
        authority.certify(&folder.path().join("cert.pem"), &folder.path().join("key.pem"));
        std::fs::create_dir(folder.path().join("data")).unwrap();
        let schemas: String = ["core", "cosine", "inetorgperson"]
            .map(|name| format!("include /etc/ldap/schema/{name}.schema\n"))
            .concat();
        let config = format!(
            "{schemas}modulepath /usr/lib/ldap\nmoduleload back_mdb\nmoduleload memberof\npidfile {}\n\
             TLSCACertificateFile {}\nTLSCertificateFile {}\nTLSCertificateKeyFile {}\nallow bind_anon_cred\n\
             database mdb\nsuffix \"dc=shop\"\nrootdn \"cn=admin,dc=shop\"\nrootpw admin-password\ndirectory {}\n\
             overlay memberof\nmemberof-group-oc groupOfNames\n\
             access to attrs=userPassword by anonymous auth by * none\naccess to * by dn=\"cn=reader,dc=shop\" read by users read\n",
            path("pid"),
            path("ca.pem"),
            path("cert.pem"),
            path("key.pem"),
            path("data"),
        );
        std::fs::write(folder.path().join("slapd.conf"), config).unwrap();
        // Ports that were free a moment ago may be taken now: another try takes others.
        for _ in 0..5 {
            let (clear, secure) = (free(), free());
            let urls = format!("ldap://127.0.0.1:{clear} ldaps://127.0.0.1:{secure}");
            let mut child = Command::new(&program)
                .args(["-d", "0", "-f", &path("slapd.conf"), "-h", &urls])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            if until_open(&mut child, clear).await {
                let slapd = Self { folder, child, clear, secure };
                slapd.fill();
                return Some(slapd);
            }
        }
        panic!("slapd does not start");
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    pub(crate) async fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn fill(&self) {
        self.change(&["-a"], &people_and_groups());
    }

    /// Changes what is in it (LDIF).
    pub(crate) fn change(&self, options: &[&str], text: &str) {
        let ldif = self.folder.path().join("change.ldif");
        std::fs::write(&ldif, text).unwrap();
        let url = format!("ldap://127.0.0.1:{}", self.clear);
        let added = Command::new("ldapmodify")
            .args(options)
            .args(["-x", "-H", &url, "-D", "cn=admin,dc=shop", "-w", "admin-password", "-f"])
            .arg(&ldif)
            .output()
            .unwrap();
        assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn free() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn until_open(child: &mut Child, port: u16) -> bool {
    for _ in 0..1_500 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return true;
        }
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(child.kill());
    false
}

fn people_and_groups() -> String {
    let mut ldif = String::from(
        "dn: dc=shop\nobjectClass: dcObject\nobjectClass: organization\no: shop\ndc: shop\n\n\
         dn: cn=reader,dc=shop\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: reader\nuserPassword: reader-password\n\n",
    );
    for unit in ["people", "groups"] {
        write!(ldif, "dn: ou={unit},dc=shop\nobjectClass: organizationalUnit\nou: {unit}\n\n").unwrap();
    }
    for name in ["anna", "boris", "clara"] {
        write!(
            ldif,
            "dn: uid={name},ou=people,dc=shop\nobjectClass: inetOrgPerson\nuid: {name}\ncn: {name}\nsn: {name}\nuserPassword: {name}-password\n\n"
        )
        .unwrap();
    }
    let mut group = |name: &str, members: &[&str]| {
        write!(ldif, "dn: cn={name},ou=groups,dc=shop\nobjectClass: groupOfNames\ncn: {name}\n").unwrap();
        members.iter().for_each(|member| writeln!(ldif, "member: {member},dc=shop").unwrap());
        ldif.push('\n');
    };
    group("shop-developers", &["uid=anna,ou=people"]);
    group("developers", &["cn=shop-developers,ou=groups", "cn=staff,ou=groups"]);
    group("staff", &["cn=developers,ou=groups"]);
    group("strangers", &["uid=dora,ou=people"]);
    group("deep-0", &["uid=clara,ou=people"]);
    for level in 1..20 {
        group(&format!("deep-{level}"), &[&format!("cn=deep-{},ou=groups", level - 1)]);
    }
    ldif
}
