import { createPrivateKey, X509Certificate } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { generate as generateType } from 'selfsigned'
import { PRIVATE_FOLDER_MODE, writeFileAtomically } from '../../kernel/atomic-file.ts'

/**
 * Validity of every certificate of the local cloud. Fixed dates, because clients check them against the
 * machine's own time: neither an injected clock nor a wrong one must make them fail.
 */
const VALID_FROM = new Date('2020-01-01T00:00:00Z')
const VALID_UNTIL = new Date('2049-12-31T23:59:59Z')

/** PEM texts of a private key and of the certificate for it. */
export interface KeyPair {
  key: string
  certificate: string
}

/** The local cloud's own keys. Created on the first start and kept. */
export interface KeyFiles {
  certificateAuthority: KeyPair
  /** For `localhost`, `127.0.0.1` and `::1`, signed by the authority. */
  server: KeyPair
  /** RSA: Google signs its ID tokens RS256. */
  tokenSigning: KeyPair
  /** The authority's certificate, for `GRPC_DEFAULT_SSL_ROOTS_FILE_PATH` and `NODE_EXTRA_CA_CERTS`. */
  caFile: string
}

/**
 * Reads the keys in `directory` (mode 0700, files 0600), and creates missing ones. Rejects with an Error
 * that names the file when one of them is damaged.
 */
export async function openKeyFiles(directory: string): Promise<KeyFiles> {
  mkdirSync(directory, { recursive: true, mode: PRIVATE_FOLDER_MODE })
  const files = (name: string): KeyPairFiles => ({
    keyFile: path.join(directory, `${name}-key.pem`),
    certificateFile: path.join(directory, `${name}.pem`),
  })
  const certificateAuthority = await openKeyPair(files('ca'), makeCertificateAuthority)
  const authority = new X509Certificate(certificateAuthority.certificate)
  const makeServer = (): Promise<KeyPair> => makeServerCertificate(certificateAuthority)
  let server = await openKeyPair(files('server'), makeServer)
  // If ca.pem was deleted, a new authority was created, which did not sign the old server certificate.
  if (!new X509Certificate(server.certificate).verify(authority.publicKey)) {
    server = await makeKeyPair(files('server'), makeServer)
  }
  const tokenSigning = await openKeyPair(files('signing'), makeSigningKey)
  return { certificateAuthority, server, tokenSigning, caFile: files('ca').certificateFile }
}

interface KeyPairFiles {
  keyFile: string
  certificateFile: string
}

async function openKeyPair(files: KeyPairFiles, make: () => Promise<KeyPair>): Promise<KeyPair> {
  if (!existsSync(files.certificateFile)) return makeKeyPair(files, make)
  const pair = {
    key: readFileSync(files.keyFile, 'utf8'),
    certificate: readFileSync(files.certificateFile, 'utf8'),
  }
  try {
    const isMatch = new X509Certificate(pair.certificate).checkPrivateKey(createPrivateKey(pair.key))
    if (!isMatch) throw new Error('the key does not belong to the certificate')
  } catch (error) {
    throw new Error(`${files.certificateFile} or its key is damaged: ${(error as Error).message}`, {
      cause: error,
    })
  }
  return pair
}

async function makeKeyPair(files: KeyPairFiles, make: () => Promise<KeyPair>): Promise<KeyPair> {
  const made = await make()
  // The certificate is written last: if it exists, its key does too.
  writeFileAtomically(files.keyFile, made.key)
  writeFileAtomically(files.certificateFile, made.certificate)
  return made
}

async function makeCertificateAuthority(): Promise<KeyPair> {
  return generate('imagery local cloud CA', {
    keyType: 'ec',
    extensions: [
      { name: 'basicConstraints', cA: true, pathLenConstraint: 0, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  })
}

async function makeServerCertificate(authority: KeyPair): Promise<KeyPair> {
  return generate('localhost', {
    keyType: 'ec',
    ca: { key: authority.key, cert: authority.certificate },
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
          { type: 7, ip: '::1' },
        ],
      },
    ],
  })
}

async function makeSigningKey(): Promise<KeyPair> {
  return generate('imagery local cloud token signer', { keyType: 'rsa', keySize: 2048 })
}

type GenerateOptions = NonNullable<Parameters<typeof generateType>[1]>

async function generate(commonName: string, options: GenerateOptions): Promise<KeyPair> {
  // 120 ms to import, needed once in the life of a data folder.
  const selfsigned = await import('selfsigned')
  const made = await selfsigned.generate([{ name: 'commonName', value: commonName }], {
    algorithm: 'sha256',
    notBeforeDate: VALID_FROM,
    notAfterDate: VALID_UNTIL,
    ...options,
  })
  return { key: made.private, certificate: made.cert }
}
