import { generateKeyPairSync } from 'node:crypto'

/** The file of a new key of a service account, as `gcloud iam service-accounts keys create` writes it. */
export function accountKey(email: string) {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return {
    type: 'service_account',
    project_id: /@(.+)\.iam\.gserviceaccount\.com$/.exec(email)?.[1] ?? '',
    private_key_id: '1',
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    client_email: email,
    client_id: '1',
  }
}
