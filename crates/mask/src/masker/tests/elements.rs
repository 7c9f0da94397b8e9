//! Elements whose name tells what they hold.

use super::{check, unchanged};

#[test]
fn an_element_is_masked_by_its_name() {
    check("<password>Z x9</password>", "<password><secret></password>");
    check("a <ns:Password attr=\"a\">Zx9</ns:Password> b", "a <ns:Password attr=\"a\"><secret></ns:Password> b");
    check("<secret>Zx9</secret>", "<secret><secret></secret>");
    check("<token>\n  Zx9\n</token>", "<token>\n  <secret>\n</token>");
    check("<password><![CDATA[Z<x9]]></password>", "<password><![CDATA[<secret>]]></password>");
    check("<fullName>Дарья Козлова</fullName>", "<fullName><name></fullName>");
    check("<customer><name>Ivan Smith</name></customer>", "<customer><name><name></name></customer>");
    check("<c:street>Тверская, 1</c:street>", "<c:street><address></c:street>");
    check("<address>Москва, ул. Тверская, 1</address>", "<address><address></address>");
    check("<password>ivan@x.ru and more</password>", "<password><secret></password>");
    check("<credentials><a>Zx9</a><b/></credentials>", "<credentials><secret></credentials>");
    check("<r><password>Zx9</password><pin>12</pin></r>", "<r><password><secret></password><pin><secret></pin></r>");
    check("<пароль>тайна</пароль>", "<пароль><secret></пароль>");
    check("<r><password>cut-off", "<r><password><secret>");
}

#[test]
fn an_element_is_read_in_other_forms() {
    check(r#"{"m":"<password>Zx9<\/password>"}"#, r#"{"m":"<password><secret><\/password>"}"#);
    check(r#"{"m":"<p:pin a=\"1\">Zx9</p:pin>"}"#, r#"{"m":"<p:pin a=\"1\"><secret></p:pin>"}"#);
    check(r"\u003cpassword\u003eZx9\u003c/password\u003e", r"\u003cpassword\u003e<secret>\u003c/password\u003e");
    check("&lt;password&gt;Zx9&lt;/password&gt;", "&lt;password&gt;<secret>&lt;/password&gt;");
    check("v=%3Cpassword%3EZx9%3C%2Fpassword%3E&n=1", "v=%3Cpassword%3E<secret>%3C%2Fpassword%3E&n=1");
}

#[test]
fn an_element_tells_what_a_number_is() {
    check("<phone>9161234567</phone>", "<phone><phone></phone>");
    check("<ns:cardNumber x=\"1\">1234567890123456</ns:cardNumber>", "<ns:cardNumber x=\"1\"><card></ns:cardNumber>");
    unchanged(
        "<orderId>89161234567</orderId><sku>4111111111111111</sku><n>9161234567</n> <phone/>9161234567 <phone> 9161234567",
    );
}

#[test]
fn other_tags_are_left() {
    unchanged("<p>password</p> <label for=\"password\">Zx9</label> <password/> <password></password> List<Token> x");
    unchanged("usage: login <user> <password>, or <token> -h <host>; <name>GC</name> <address>10.0.0.7:80</address>");
    unchanged("a </password> b </> <tokens>5</tokens> <password>.");
}
