import NIOSSL

/// Certificates for tests, good for a hundred years: an authority, a server on the loopback device and a client, both
/// signed by the authority. They protect nothing.
enum TestCertificates {
    static let authority = """
        -----BEGIN CERTIFICATE-----
        MIIBpDCCAUmgAwIBAgIUJv0JD/x8WDV4Rn9t2gVmDBDPSWEwCgYIKoZIzj0EAwIw
        HjEcMBoGA1UEAwwTYXB1cyB0ZXN0IGF1dGhvcml0eTAgFw0yNjExMjIwMTQ3NTJa
        GA8yMTI2MTAyOTAxNDc1MlowHjEcMBoGA1UEAwwTYXB1cyB0ZXN0IGF1dGhvcml0
        eTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABPL3/FCdwUpGRmXNLxa/6AFxpili
        WcqjVWst/N0P8/RbNIkqQidaCw4kzYnox4BPpb3cv12kyAvxUVs3JTMeiSmjYzBh
        MB0GA1UdDgQWBBSy9qLrwclTxKVfLBAtilG9Ahqp5DAfBgNVHSMEGDAWgBSy9qLr
        wclTxKVfLBAtilG9Ahqp5DAPBgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQEAwIC
        BDAKBggqhkjOPQQDAgNJADBGAiEAhQZmYQ2tujQoUwvQK4PxEZb8IRekJnRqaIbG
        7loHV6ICIQDuJ4XI1zCKlklieZ3rrpoNxiIvAzcZ1SraQedBeyeAhg==
        -----END CERTIFICATE-----
        """

    static let server = """
        -----BEGIN CERTIFICATE-----
        MIIBsTCCAVagAwIBAgIUVtbnx/FBgCC5BM53zKaVQuQNbZkwCgYIKoZIzj0EAwIw
        HjEcMBoGA1UEAwwTYXB1cyB0ZXN0IGF1dGhvcml0eTAgFw0yNjExMjIwMTQ3NTJa
        GA8yMTI2MTAyOTAxNDc1MlowGzEZMBcGA1UEAwwQYXB1cyB0ZXN0IHNlcnZlcjBZ
        MBMGByqGSM49AgEGCCqGSM49AwEHA0IABP4SntbBsLDqGrQssFC6wma3bNAr8l9u
        hQXaaeE8dyKfPtOxBLZ2fz97Y9zO+Bb93lfq4gnPY5PL08ZaA9Lf2FijczBxMBoG
        A1UdEQQTMBGHBH8AAAGCCWxvY2FsaG9zdDATBgNVHSUEDDAKBggrBgEFBQcDATAd
        BgNVHQ4EFgQUG+M2UtXyQNLSHPOyYANiBIIgHmYwHwYDVR0jBBgwFoAUsvai68HJ
        U8SlXywQLYpRvQIaqeQwCgYIKoZIzj0EAwIDSQAwRgIhAOApuEv+YTt4Tl9blTZ6
        Xj7cPg3DehQ3hb5ATt8pRTtVAiEAsqujwxceRBX+Rlus0wiAJqBs6POP3vaVn14z
        HCV1ih0=
        -----END CERTIFICATE-----
        """

    static let serverKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgQ7+NyYo035+go1xu
        C98CfE9ENXYK+hSdGayaI0EBYXyhRANCAAT+Ep7WwbCw6hq0LLBQusJmt2zQK/Jf
        boUF2mnhPHcinz7TsQS2dn8/e2PczvgW/d5X6uIJz2OTy9PGWgPS39hY
        -----END PRIVATE KEY-----
        """

    static let client = """
        -----BEGIN CERTIFICATE-----
        MIIBlDCCATqgAwIBAgIUVtbnx/FBgCC5BM53zKaVQuQNbZowCgYIKoZIzj0EAwIw
        HjEcMBoGA1UEAwwTYXB1cyB0ZXN0IGF1dGhvcml0eTAgFw0yNjExMjIwMTQ3NTJa
        GA8yMTI2MTAyOTAxNDc1MlowGzEZMBcGA1UEAwwQYXB1cyB0ZXN0IGNsaWVudDBZ
        MBMGByqGSM49AgEGCCqGSM49AwEHA0IABK8mD5GIwJSPvXbuDylmyvi9rvvArWEs
        1VTQSE+Bt4ZUOEFiSMDwj/2GpXk2i8arAA9mW5BDwDO8vXbNANImaxujVzBVMBMG
        A1UdJQQMMAoGCCsGAQUFBwMCMB0GA1UdDgQWBBT/+A7MhT/myIjvMexwCob1hHJk
        CjAfBgNVHSMEGDAWgBSy9qLrwclTxKVfLBAtilG9Ahqp5DAKBggqhkjOPQQDAgNI
        ADBFAiBF89dkwCJB7JdY4c7h/0iynQL7LREbx7syb8NolB0J4AIhAOnFJaFoqY2Q
        cp2QSY8joxSVgrjN1fi7m0jKZweixENN
        -----END CERTIFICATE-----
        """

    static let clientKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgSDwMhUZe2c4A4E1D
        PSSZhnr1VYC+wYfWHUiHdrHJY0WhRANCAASvJg+RiMCUj7127g8pZsr4va77wK1h
        LNVU0EhPgbeGVDhBYkjA8I/9hqV5NovGqwAPZluQQ8AzvL12zQDSJmsb
        -----END PRIVATE KEY-----
        """

    /// A server that shows its certificate, and wants one of its clients.
    static func serverConfiguration() throws -> TLSConfiguration {
        let chain = try NIOSSLCertificate.fromPEMBytes(Array(server.utf8))
        let key = try NIOSSLPrivateKey(bytes: Array(serverKey.utf8), format: .pem)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(authority.utf8)))
        configuration.certificateVerification = .noHostnameVerification
        return configuration
    }
}
