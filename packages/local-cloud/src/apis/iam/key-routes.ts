import type { Context, Hono } from 'hono'
import { GoogleError, notEmulated } from '../../kernel/errors.ts'
import type { Operation } from '../../kernel/gateway.ts'
import { NOTHING } from '../../kernel/needs.ts'
import type { AccountKeys } from './account-keys.ts'
import { onAccount } from './permissions.ts'
import { jsonBody, optionalText } from './requests.ts'
import type { AccountServices } from './service-account-routes.ts'
import type { AccountRow, KeyRow } from './store.ts'

const KEYS = '/v1/projects/:project/serviceAccounts/:account{[^/:]+}/keys'

/** "The default validity is … 9999-12-31T23:59:59Z" in every key that Google makes (projects.serviceAccounts.keys#ServiceAccountKey). */
const FOR_EVER = '9999-12-31T23:59:59Z'

/** https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts.keys */
export function keyRoutes(app: Hono, operation: Operation, services: AccountServices & { keys: AccountKeys }): void {
  const { accounts, keys, projectId } = services
  const account = (context: Context): AccountRow => accounts.get(context.req.param('account')!)
  const resource = (row: KeyRow): object => keyResource(row, projectId)

  app.post(
    KEYS,
    operation(
      'iam.serviceAccountKeys.create',
      async (context) => {
        const body = await jsonBody(context)
        checkType(optionalText(body, 'privateKeyType'))
        checkAlgorithm(optionalText(body, 'keyAlgorithm'))
        const owner = account(context)
        const { row, privateKey } = await keys.create(owner)
        const { origin } = new URL(context.req.url)
        const file = credentialsFile(row, privateKey, { projectId, clientId: owner.uniqueId, origin })
        return Response.json({
          ...resource(row),
          privateKeyType: 'TYPE_GOOGLE_CREDENTIALS_FILE',
          privateKeyData: Buffer.from(`${JSON.stringify(file, null, 2)}\n`).toString('base64'),
        })
      },
      onAccount('iam.serviceAccountKeys.create', services),
    ),
  )
  app.get(
    KEYS,
    operation(
      'iam.serviceAccountKeys.list',
      (context) => {
        const types = context.req.queries('keyTypes') ?? []
        const rows = types.length === 0 || types.includes('USER_MANAGED') ? keys.list(account(context)) : []
        return Response.json(rows.length > 0 ? { keys: rows.map(resource) } : {})
      },
      onAccount('iam.serviceAccountKeys.list', services),
    ),
  )
  app.get(
    `${KEYS}/:key{[^/:]+}`,
    operation(
      'iam.serviceAccountKeys.get',
      (context) => {
        const row = keys.get(account(context), context.req.param('key')!)
        return Response.json({
          ...resource(row),
          ...publicHalf(row, context.req.query('publicKeyType') ?? 'TYPE_NONE'),
        })
      },
      onAccount('iam.serviceAccountKeys.get', services),
    ),
  )
  app.delete(
    `${KEYS}/:key{[^/:]+}`,
    operation(
      'iam.serviceAccountKeys.delete',
      (context) => {
        keys.delete(account(context), context.req.param('key')!)
        return Response.json({})
      },
      onAccount('iam.serviceAccountKeys.delete', services),
    ),
  )
  for (const [path, name] of [
    [KEYS.replace(/keys$/, ':verb{keys:upload}'), 'upload'],
    [`${KEYS}/:key{[^/:]+:enable}`, 'enable'],
    [`${KEYS}/:key{[^/:]+:disable}`, 'disable'],
  ] as const) {
    app.post(
      path,
      operation(
        `iam.serviceAccountKeys.${name}`,
        () => {
          throw notEmulated(`iam.projects.serviceAccounts.keys.${name}`)
        },
        { needs: NOTHING },
      ),
    )
  }
}

function checkType(type = 'TYPE_UNSPECIFIED'): void {
  if (type === 'TYPE_PKCS12_FILE') throw notEmulated('a key as a PKCS #12 file')
  if (type !== 'TYPE_UNSPECIFIED' && type !== 'TYPE_GOOGLE_CREDENTIALS_FILE') throw invalid('private_key_type', type)
}

function checkAlgorithm(algorithm = 'KEY_ALG_UNSPECIFIED'): void {
  if (algorithm === 'KEY_ALG_RSA_1024') throw notEmulated('a key of 1,024 bits')
  if (algorithm !== 'KEY_ALG_UNSPECIFIED' && algorithm !== 'KEY_ALG_RSA_2048') throw invalid('key_algorithm', algorithm)
}

function publicHalf({ publicKey }: KeyRow, type: string): object {
  if (type === 'TYPE_NONE') return {}
  if (type === 'TYPE_RAW_PUBLIC_KEY') return { publicKeyData: Buffer.from(publicKey).toString('base64') }
  if (type === 'TYPE_X509_PEM_FILE') throw notEmulated('the certificate of a key')
  throw invalid('public_key_type', type)
}

function keyResource({ id, email, createdMs }: KeyRow, projectId: string): object {
  return {
    name: `projects/${projectId}/serviceAccounts/${email}/keys/${id}`,
    validAfterTime: new Date(createdMs).toISOString().replace(/\.\d+Z$/, 'Z'),
    validBeforeTime: FOR_EVER,
    keyAlgorithm: 'KEY_ALG_RSA_2048',
    keyOrigin: 'GOOGLE_PROVIDED',
    keyType: 'USER_MANAGED',
  }
}

/**
 * The file that `gcloud iam service-accounts keys create` writes
 * (https://cloud.google.com/iam/docs/keys-create-delete#creating), with the local cloud's addresses
 * instead of Google's. The libraries of most languages use `token_uri`; Node's always uses Google's own
 * address.
 */
function credentialsFile(
  { id, email }: KeyRow,
  privateKey: string,
  { projectId, clientId, origin }: { projectId: string; clientId: string; origin: string },
): object {
  return {
    type: 'service_account',
    project_id: projectId,
    private_key_id: id,
    private_key: privateKey,
    client_email: email,
    client_id: clientId,
    auth_uri: 'https://accounts.google.com/o/oauth2/auth',
    token_uri: `${origin}/token`,
    auth_provider_x509_cert_url: `${origin}/oauth2/v1/certs`,
    client_x509_cert_url: `https://www.googleapis.com/robot/v1/metadata/x509/${encodeURIComponent(email)}`,
    universe_domain: 'googleapis.com',
  }
}

function invalid(field: string, value: string): GoogleError {
  return new GoogleError('INVALID_ARGUMENT', `Invalid value at '${field}' (TYPE_ENUM), "${value}"`, { details: [] })
}
