// Addresses in every spelling that reached a loopback listener once, and the URL reader.
#include "core/base/address.h"
#include "tests/support/check.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

static const struct reach anywhere = {.anywhere = true};

static void test_addresses(void **state)
{
    static const struct {
        const char *name;
        bool is_public;
    } cases[] = {
        {"8.8.8.8", true},
        {"0.0.0.0", false},
        {"0.255.255.255", false},
        {"1.0.0.0", true},
        {"9.255.255.255", true},
        {"10.0.0.0", false},
        {"10.255.255.255", false},
        {"11.0.0.0", true},
        {"100.63.255.255", true},
        {"100.64.0.0", false},
        {"100.127.255.255", false},
        {"100.128.0.0", true},
        {"127.0.0.1", false},
        {"127.255.255.254", false},
        {"128.0.0.1", true},
        {"169.253.0.1", true},
        {"169.254.169.254", false},
        {"172.15.255.255", true},
        {"172.16.0.0", false},
        {"172.31.255.255", false},
        {"172.32.0.0", true},
        {"192.0.0.1", false},
        {"192.0.1.1", true},
        {"192.0.2.1", false},
        {"192.88.99.1", false},
        {"192.167.255.255", true},
        {"192.168.0.1", false},
        {"192.169.0.0", true},
        {"198.17.255.255", true},
        {"198.18.0.0", false},
        {"198.19.255.255", false},
        {"198.20.0.0", true},
        {"198.51.100.7", false},
        {"203.0.113.7", false},
        {"223.255.255.255", true},
        {"224.0.0.1", false},
        {"239.255.255.255", false},
        {"240.0.0.1", false},
        {"255.255.255.255", false},
        {"2606:4700:4700::1111", true},
        {"2a00:1450::1", true},
        {"::", false},
        {"::1", false},
        {"::ffff:127.0.0.1", false},
        {"::ffff:7f00:1", false},
        {"::ffff:10.0.0.1", false},
        {"::ffff:8.8.8.8", true},
        {"::127.0.0.1", false}, // v4-compatible
        {"::8.8.8.8", false},
        {"::ffff:0:127.0.0.1", false}, // translated
        {"64:ff9b::7f00:1", false},
        {"64:ff9b::808:808", false},
        {"64:ff9b:1::1", false},
        {"100::1", false},
        {"2001::1", false}, // Teredo
        {"2001:0:7f00:1::", false},
        {"2001:1ff::1", false},
        {"2001:200::1", true},
        {"2001:db8::1", false},
        {"2001:db9::1", true},
        {"2002:7f00:1::", false}, // 6to4
        {"2002:808:808::1", false},
        {"3fff::1", false},
        {"3fff:fff::1", false},
        {"3fff:1000::1", true},
        {"4000::1", false},
        {"5f00::1", false},
        {"fc00::1", false},
        {"fd00:ec2::254", false},
        {"fe80::1", false},
        {"fec0::1", false},
        {"ff02::1", false},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sockaddr_in v4 = {.sin_family = AF_INET};
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
        const struct sockaddr *address = (const struct sockaddr *)&v4;

        if (inet_pton(AF_INET, cases[i].name, &v4.sin_addr) != 1) {
            assert_int_equal(inet_pton(AF_INET6, cases[i].name, &v6.sin6_addr), 1);
            address = (const struct sockaddr *)&v6;
        }
        if (address_is_public(address) != cases[i].is_public)
            fail_msg("%s", cases[i].name);
    }
    assert_false(address_is_public(&(struct sockaddr){.sa_family = AF_UNIX}));
    assert_false(address_is_public(&(struct sockaddr){.sa_family = AF_UNSPEC}));
}

static void test_urls(void **state)
{
    enum verdict { OPEN, PRIVATE, BAD }; // for everybody, for those who allow it, for nobody
    static const struct {
        const char *url;
        enum verdict verdict;
    } cases[] = {
        {"http://example.com", OPEN},
        {"https://example.com/hook?a=b&c=%20#x", OPEN},
        {"HTTPS://EXAMPLE.com:8443/", OPEN},
        {"https://xn--bcher-kva.example/", OPEN},
        {"https://my_host.example./x", OPEN},
        {"https://example.com/@user", OPEN},
        {"https://example.com?x=@y", OPEN},
        {"https://example.com/\xe5\x9b\xbe.png", OPEN},
        {"http://8.8.8.8/", OPEN},
        {"http://134744072/", OPEN},
        {"http://[2606:4700::1111]:8080/", OPEN},
        {"http://127.example.com/", OPEN},
        {"http://10.0.0.1.example.com/", OPEN},
        {"http://notlocalhost/", OPEN},
        {"http://0x/", PRIVATE},
        {"http://127.0.0.1/", PRIVATE},
        {"http://127.0.0.1:8080/x", PRIVATE},
        {"http://127.0.0.1./", PRIVATE},
        {"http://2130706433/", PRIVATE},
        {"http://0x7f000001/", PRIVATE},
        {"http://0X7F000001/", PRIVATE},
        {"http://0x7f.0.0.1/", PRIVATE},
        {"http://0x7f.1/", PRIVATE},
        {"http://0177.0.0.1/", PRIVATE},
        {"http://017700000001/", PRIVATE},
        {"http://0000177.0.0.0x1/", PRIVATE},
        {"http://127.1/", PRIVATE},
        {"http://127.0.1/", PRIVATE},
        {"http://127.65535/", PRIVATE},
        {"http://localhost/", PRIVATE},
        {"http://LOCALHOST/", PRIVATE},
        {"http://localhost./", PRIVATE},
        {"http://a.b.localhost/", PRIVATE},
        {"http://[::1]/", PRIVATE},
        {"http://[0:0:0:0:0:0:0:1]/", PRIVATE},
        {"http://[::ffff:127.0.0.1]/", PRIVATE},
        {"http://[::FFFF:7f00:1]/", PRIVATE},
        {"http://[::127.0.0.1]/", PRIVATE},
        {"http://[64:ff9b::127.0.0.1]/", PRIVATE},
        {"http://[2002:7f00:1::]/", PRIVATE},
        {"http://0.0.0.0/", PRIVATE},
        {"http://0/", PRIVATE},
        {"http://[::]/", PRIVATE},
        {"http://169.254.169.254/latest/meta-data/", PRIVATE},
        {"http://2852039166/", PRIVATE},
        {"http://192.168.1.1/", PRIVATE},
        {"http://[fd00::1]/", PRIVATE},
        {"http://[fe80::1]/", PRIVATE},
        {"http://example.com:25/", PRIVATE},
        {"http://example.com:6379/", PRIVATE},
        {"http://user@127.0.0.1/", BAD},
        {"http://user:pass@example.com/", BAD},
        {"http://@example.com/", BAD},
        {"http://example.com\\@127.0.0.1/", BAD},
        {"http://example.com#@127.0.0.1:x/", OPEN}, // a fragment, to us and to curl
        {"http://127.0.0.1%2f/", BAD},
        {"http://%31%32%37.0.0.1/", BAD},
        {"http://127\xe3\x80\x82"
         "0.0.1/",
         BAD},
        {"http://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1/", BAD},
        {"http://127.0.0.1.5/", BAD},
        {"http://127.0.0.256/", BAD},
        {"http://256.0.0.1/", BAD},
        {"http://127.0.65536/", BAD},
        {"http://4294967296/", BAD},
        {"http://18446744073709551617/", BAD},
        {"http://0x100000000/", BAD},
        {"http://08.0.0.1/", BAD},
        {"http://127..0.1/", BAD},
        {"http://.127.0.0.1/", BAD},
        {"http://a..b/", BAD},
        {"http://./", BAD},
        {"http://x.0x7f/", BAD},
        {"http://[fe80::1%25eth0]/", BAD},
        {"http://[fe80::1%eth0]/", BAD},
        {"http://[127.0.0.1]/", BAD},
        {"http://[::1/", BAD},
        {"http://[::1]x/", BAD},
        {"http://[]/", BAD},
        {"http://::1/", BAD},
        {"http://[::1]]/", BAD},
        {"http://[v1.a:b]/", BAD},
        {"http://example.com:0/", BAD},
        {"http://example.com:00000/", BAD},
        {"http://example.com:65536/", BAD},
        {"http://example.com:000080/", BAD},
        {"http://example.com:/", BAD},
        {"http://example.com:8a/", BAD},
        {"http://example.com:+80/", BAD},
        {"http://example.com:80:90/", BAD},
        {"http:///path", BAD},
        {"http://", BAD},
        {"http:example.com", BAD},
        {"//example.com/", BAD},
        {"example.com", BAD},
        {"", BAD},
        {"ftp://example.com/", BAD},
        {"file:///etc/passwd", BAD},
        {"gopher://127.0.0.1:6379/_x", BAD},
        {"javascript:alert(1)", BAD},
        {" http://example.com/", BAD},
        {"http://example.com/a b", BAD},
        {"http://example.com/a\tb", BAD},
        {"http://example.com/\r\nX: y", BAD},
        {"http://example.com/\x7f", BAD},
        {"http://exa\nmple.com/", BAD},
        {"http://ex!ample.com/", BAD},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *url = cases[i].url;
        struct url_parts parts;
        struct err err;

        if (url_check_reach(url, NULL, &err) != (cases[i].verdict == OPEN))
            fail_msg("%s, private not allowed", url);
        if (url_check_reach(url, &anywhere, &err) != (cases[i].verdict != BAD))
            fail_msg("%s, private allowed", url);
        if (url_split(url, &parts) != (cases[i].verdict != BAD))
            fail_msg("%s, split", url);
    }
}

static void test_lengths(void **state)
{
    char url[URL_BYTES_MAX + 2];
    struct err err;
    (void)state;

    memset(url, 'a', sizeof url);
    memcpy(url, "http://h/", 9);
    url[URL_BYTES_MAX] = '\0';
    assert_true(url_check_reach(url, NULL, &err));
    url[URL_BYTES_MAX] = 'a';
    url[URL_BYTES_MAX + 1] = '\0';
    assert_false(url_check_reach(url, &anywhere, &err));

    memset(url, 'a', sizeof url);
    memcpy(url, "http://", 7);
    url[7 + URL_HOST_BYTES_MAX] = '\0';
    assert_true(url_check_reach(url, NULL, &err));
    url[7 + URL_HOST_BYTES_MAX] = 'a';
    url[8 + URL_HOST_BYTES_MAX] = '\0';
    assert_false(url_check_reach(url, &anywhere, &err));
}

static void test_loopback_hosts(void **state)
{
    static const struct {
        const char *host;
        bool is_loopback;
    } cases[] = {
        {"127.0.0.1", true},
        {"127.255.0.1", true},
        {"127.1", true},
        {"0x7f000001", true},
        {"::1", true},
        {"[::1]", true},
        {"::ffff:127.0.0.1", true},
        {"localhost", true},
        {"LocalHost.", true},
        {"x.localhost", true},
        {"0.0.0.0", false},
        {"::", false},
        {"10.0.0.1", false},
        {"8.8.8.8", false},
        {"localhost.example", false},
        {"mylocalhost", false},
        {"example.com", false},
        {"", false},
        {"*", false},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (address_is_loopback_host(cases[i].host) != cases[i].is_loopback)
            fail_msg("\"%s\"", cases[i].host);
}

static void test_split(void **state)
{
    static const struct {
        const char *url, *scheme, *host;
        int port;
        const char *path;
    } cases[] = {
        {"http://Example.COM", "http", "example.com", 80, ""},
        {"HTTPS://a.b/x/Y?z#f", "https", "a.b", 443, "/x/Y?z#f"},
        {"https://a.b:8443?q", "https", "a.b", 8443, "?q"},
        {"http://[::1]:9000/b", "http", "[::1]", 9000, "/b"},
        {"http://127.0.0.1:1", "http", "127.0.0.1", 1, ""},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct url_parts parts;

        if (!url_split(cases[i].url, &parts) || strcmp(parts.scheme, cases[i].scheme) != 0 ||
            strcmp(parts.host, cases[i].host) != 0 || parts.port != cases[i].port ||
            strcmp(parts.path, cases[i].path) != 0)
            fail_msg("%s: %s %s %d %s", cases[i].url, parts.scheme, parts.host, parts.port,
                     parts.path);
    }
}

static void test_same_origin(void **state)
{
    static const struct {
        const char *a, *b;
        bool is_same;
    } cases[] = {
        {"http://a.b/x", "http://A.B:80/y?z", true},
        {"https://a.b", "https://a.b:443/", true},
        {"http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/files/1", true},
        {"http://[::1]:1/", "http://[::1]:1", true},
        {"http://a.b/", "https://a.b/", false},
        {"http://a.b/", "http://a.b:81/", false},
        {"http://a.b:443/", "https://a.b/", false},
        {"http://a.b/", "http://a.b.c/", false},
        {"http://a.b/", "http://x@a.b/", false},
        {"http://127.0.0.1/", "http://127.1/", false},
        {"a.b", "a.b", false},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (url_same_origin(cases[i].a, cases[i].b) != cases[i].is_same)
            fail_msg("%s and %s", cases[i].a, cases[i].b);
}

static struct reach reach_of(const char *const *texts, struct network *networks)
{
    struct reach reach = {.networks = networks};

    for (; texts[reach.count] != NULL; reach.count++)
        assert_true(network_read(&networks[reach.count], texts[reach.count]));
    return reach;
}

static void test_reach(void **state)
{
    static const char *const texts[] = {"10.1.0.0/16", "192.168.7.9", "fd00:1::/32", "127.0.0.0/8",
                                        NULL};
    static const struct {
        const char *url;
        bool is_in;
    } cases[] = {
        {"http://10.1.255.255/", true},
        {"http://10.2.0.0/", false},
        {"http://192.168.7.9/", true},
        {"http://192.168.7.8/", false},
        {"http://[::ffff:10.1.2.3]/", true},
        {"http://[::ffff:10.2.2.3]/", false},
        {"http://[fd00:1::5]:81/", true},
        {"http://[fd00:2::5]/", false},
        {"http://167837697/", true},
        {"http://localhost/", true},
        {"http://[::1]/", false},
        {"http://169.254.169.254/", false},
        {"http://1.1.1.1/", true},
        {"http://10.1.0.1:6379/", false},
        {"http://name.example/", true},
    };
    static const char *const bad[] = {
        "",           "10.0.0.0/33", "10.0.0.1/8",  "10.0.0.0/",   "10.0/8",
        "fd00::/129", "fd00::1/64",  "10.0.0.0/8 ", "example.com", "10.0.0.0/+8"};
    struct network networks[4], network;
    struct reach reach = reach_of(texts, networks);
    struct err err;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (url_check_reach(cases[i].url, &reach, &err) != cases[i].is_in)
            fail_msg("%s", cases[i].url);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (network_read(&network, bad[i]))
            fail_msg("\"%s\" is no network", bad[i]);
    assert_true(network_read(&network, "0.0.0.0/0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses), cmocka_unit_test(test_urls),
        cmocka_unit_test(test_lengths),   cmocka_unit_test(test_loopback_hosts),
        cmocka_unit_test(test_split),     cmocka_unit_test(test_same_origin),
        cmocka_unit_test(test_reach),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
