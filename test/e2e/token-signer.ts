import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { SignJWT } from 'jose'

/** How a token differs from Google's token for the invoker. */
export interface Claims {
  audience: string
  email?: string
  key?: KeyObject
  lifeSeconds?: number
  issuer?: string
  verified?: boolean
  /** Claims in place of the usual ones; undefined leaves one out. Times are in seconds from now. */
  change?: { iat?: number | undefined; exp?: number | undefined; nbf?: number } & Record<string, unknown>
  /** Members of the header in place of the usual ones; undefined leaves one out. */
  header?: { alg?: string; kid?: string | undefined }
}

export interface TokenSigner {
  keyId: string
  /** The public key of the signatures, as published. */
  publicKey: string
  token(claims: Claims): Promise<string>
}

/** Signs identity tokens with the local cloud's own key: its signature counts as Google's there. */
export async function tokenSigner(dataDirectory: string, http: string, invoker: string): Promise<TokenSigner> {
  const signingKey = createPrivateKey(readFileSync(path.join(dataDirectory, 'identity', 'signing-key.pem')))
  const { keys } = (await (await fetch(`${http}/oauth2/v3/certs`)).json()) as { keys: [{ kid: string }] }
  const keyId = keys[0].kid
  return {
    keyId,
    publicKey: createPublicKey(signingKey).export({ type: 'spki', format: 'pem' }).toString(),
    token(claims) {
      const { audience, email = invoker, key = signingKey, lifeSeconds = 3_600, verified = true } = claims
      const nowSeconds = Math.floor(Date.now() / 1_000)
      const usual = { email, email_verified: verified, azp: '1', sub: '1', aud: audience }
      const { iat, exp, nbf, ...others } = { iat: -7_200, exp: lifeSeconds, ...claims.change }
      const times = Object.entries({ iat, exp, nbf }).flatMap(([name, from]) =>
        typeof from === 'number' ? [[name, nowSeconds + from] as const] : [],
      )
      const issuer = { iss: claims.issuer ?? 'https://accounts.google.com' }
      return new SignJWT({ ...usual, ...issuer, ...Object.fromEntries(times), ...others })
        .setProtectedHeader({ alg: 'RS256', kid: keyId, typ: 'JWT', ...claims.header } as { alg: string })
        .sign(key)
    },
  }
}
