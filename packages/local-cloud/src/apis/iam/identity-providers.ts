import * as z from 'zod'
import { GoogleError } from '../../kernel/errors.ts'
import { readCondition, readMapping, type AttributeRules } from './attributes.ts'
import type { IamStore } from './store.ts'

/** "This value must be 4-32 characters, and may contain the characters [a-z0-9-]. The prefix `gcp-` is reserved" (https://cloud.google.com/iam/docs/reference/rest/v1/projects.locations.workloadIdentityPools/create). */
const ID = /^(?!gcp-)[a-z0-9-]{4,32}$/

/**
 * The fields of a provider of Google's that the local cloud knows
 * (https://cloud.google.com/iam/docs/reference/rest/v1/projects.locations.workloadIdentityPools.providers):
 * OIDC with uploaded keys, because the local cloud never calls an issuer.
 */
const providerResource = z.strictObject({
  attributeMapping: z.record(z.string(), z.string()),
  attributeCondition: z.string().optional(),
  oidc: z.strictObject({
    issuerUri: z.url({ protocol: /^https$/ }),
    allowedAudiences: z.array(z.string().min(1).max(256)).max(10).optional(),
    jwksJson: z.string(),
  }),
})

const keySet = z.looseObject({ keys: z.array(z.looseObject({ kty: z.enum(['RSA', 'EC']) })).min(1) })

/** An issuer for the identities of a pool, and the accepted claims. */
export interface IdentityProvider {
  /** `projects/NUMBER/locations/global/workloadIdentityPools/POOL`; the prefix of its identities' names. */
  pool: string
  issuer: string
  audiences: readonly string[]
  keys: z.infer<typeof keySet>
  rules: AttributeRules
}

/** The providers of the local project's workload identity pools. */
export class IdentityProviders {
  readonly #store: IamStore
  readonly #projectNumber: string

  constructor(options: { store: IamStore; projectNumber: string }) {
    this.#store = options.store
    this.#projectNumber = options.projectNumber
  }

  /** Registers a provider, and its pool with it. Returns its full name. Throws INVALID_ARGUMENT, UNIMPLEMENTED. */
  put(pool: string, provider: string, resource: unknown): string {
    if (!ID.test(pool) || !ID.test(provider)) throw invalid(`invalid pool ID or provider ID: ${pool}, ${provider}`)
    const name = `projects/${this.#projectNumber}/locations/global/workloadIdentityPools/${pool}/providers/${provider}`
    const known = parsed(resource)
    open(name, known)
    this.#store.putProvider(name, known)
    return name
  }

  /** By its full name, projects by their number; undefined when there is none. */
  find(name: string): IdentityProvider | undefined {
    const resource = this.#store.provider(name)
    return resource === undefined ? undefined : open(name, parsed(resource))
  }
}

type ProviderResource = z.infer<typeof providerResource>

function parsed(resource: unknown): ProviderResource {
  const result = providerResource.safeParse(resource)
  if (!result.success) throw invalid(`invalid workload identity provider: ${z.prettifyError(result.error)}`)
  return result.data
}

function open(name: string, { attributeMapping, attributeCondition, oidc }: ProviderResource): IdentityProvider {
  const audiences = oidc.allowedAudiences ?? []
  return {
    pool: name.replace(/\/providers\/[^/]+$/, ''),
    issuer: oidc.issuerUri,
    // "If this list is empty, the OIDC token audience must be equal to the full canonical resource name … with or without the HTTPS prefix."
    audiences:
      audiences.length > 0 ? audiences : [`//iam.googleapis.com/${name}`, `https://iam.googleapis.com/${name}`],
    keys: readKeys(oidc.jwksJson),
    rules: { mapping: readMapping(attributeMapping), condition: readCondition(attributeCondition ?? '') },
  }
}

function readKeys(text: string): IdentityProvider['keys'] {
  try {
    return keySet.parse(JSON.parse(text))
  } catch {
    throw invalid('oidc.jwksJson is not a JSON Web Key Set of RSA and EC keys')
  }
}

function invalid(message: string): GoogleError {
  return new GoogleError('INVALID_ARGUMENT', message, { details: [] })
}
