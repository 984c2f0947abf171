import { createPrivateKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { SignJWT } from 'jose'

/** What is special about a token; all else is as Google makes it for the invoker. */
export interface Claims {
  audience: string
  email?: string
  key?: KeyObject
  lifeSeconds?: number
  issuer?: string
  verified?: boolean
}

export interface TokenSigner {
  keyId: string
  token(claims: Claims): Promise<string>
}

/** Signs identity tokens with the local cloud's own key: what it signs is Google's word there. */
export async function tokenSigner(dataDirectory: string, http: string, invoker: string): Promise<TokenSigner> {
  const signingKey = createPrivateKey(readFileSync(path.join(dataDirectory, 'identity', 'signing-key.pem')))
  const { keys } = (await (await fetch(`${http}/oauth2/v3/certs`)).json()) as { keys: [{ kid: string }] }
  const keyId = keys[0].kid
  return {
    keyId,
    token(claims) {
      const { audience, email = invoker, key = signingKey, lifeSeconds = 3_600, verified = true } = claims
      const nowSeconds = Math.floor(Date.now() / 1_000)
      return new SignJWT({ email, email_verified: verified, azp: '1' })
        .setProtectedHeader({ alg: 'RS256', kid: keyId, typ: 'JWT' })
        .setIssuer(claims.issuer ?? 'https://accounts.google.com')
        .setAudience(audience)
        .setSubject('1')
        .setIssuedAt(nowSeconds - 7_200)
        .setExpirationTime(nowSeconds + lifeSeconds)
        .sign(key)
    },
  }
}
