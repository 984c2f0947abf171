import * as z from 'zod'

const milliseconds = z.number().nonnegative().default(0)

/** A rule of an organization policy, as the API writes it (https://cloud.google.com/resource-manager/docs/reference/orgpolicy/rest/v2/organizations.policies#PolicyRule). */
const ruleSchema = z.union([
  z.strictObject({ enforce: z.boolean(), parameters: z.record(z.string(), z.unknown()).optional() }),
  z.strictObject({ allowAll: z.literal(true) }),
  z.strictObject({ denyAll: z.literal(true) }),
  z.strictObject({
    values: z.strictObject({
      allowedValues: z.array(z.string()).optional(),
      deniedValues: z.array(z.string()).optional(),
    }),
  }),
])

const conditionsSchema = z.strictObject({
  /**
   * How long a granted role has no effect, although policies show it
   * (https://cloud.google.com/iam/docs/access-change-propagation: typically 2 minutes, potentially 7 or longer).
   */
  grantsMs: milliseconds,
  /**
   * How long a new service account is missing (404), refused (403) and there, in turn
   * (https://github.com/hashicorp/terraform-provider-google/issues/15042 and 19624).
   */
  accountsMs: milliseconds,
  /**
   * How long an API refuses calls after Service Usage has enabled it; in the second half of this time, every other call
   * (https://github.com/hashicorp/terraform-provider-google/issues/11023).
   */
  servicesMs: milliseconds,
  /**
   * How long Vertex AI's new service agent cannot read images (GoogleCloudPlatform/generative-ai#1308: minutes).
   */
  agentsMs: milliseconds,
  /** Rules of the organization, by constraint: `iam.disableServiceAccountCreation`. Other constraints have Google's default. */
  organizationPolicies: z.record(z.string(), ruleSchema).default({}),
  /** Names of buckets in projects of strangers. */
  takenBuckets: z.array(z.string()).default([]),
})

/** A rule of an organization policy. */
export type PolicyRule = z.output<typeof ruleSchema>

/** What a Google project can be like; without any, changes take effect at once and no organization sets a policy. */
export type ProjectConditionOptions = z.input<typeof conditionsSchema>

type State = z.output<typeof conditionsSchema>

/** The conditions of the local project. They can change while the cloud runs, and are not stored. */
export class ProjectConditions {
  #state: State

  /** Throws ZodError when they are not valid. */
  constructor(given: unknown = {}) {
    this.#state = conditionsSchema.parse(given)
  }

  get current(): Readonly<State> {
    return this.#state
  }

  /** Replaces all of them. Throws ZodError when they are not valid. */
  replace(given: unknown): void {
    this.#state = conditionsSchema.parse(given)
  }
}
