/** What one Google API contributes to IAM: its permissions and the predefined roles that are named after it. */
export interface ServiceRoles {
  /** Those that the local cloud checks, or that a role's users ask about. */
  permissions: readonly string[]
  /** Role to permissions, in the notation of Google's pages: `run.*` means all of the above with that prefix. */
  roles: Readonly<Record<string, readonly string[]>>
  /** What the basic roles hold of this API (https://cloud.google.com/iam/docs/roles-overview#basic); each includes the one before. */
  basic: { viewer: readonly string[]; editor: readonly string[]; owner: readonly string[] }
}

/** A list written as words, one permission each. */
export function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '')
}

/** Nearly every predefined role can read its project. */
export const PROJECT_READ = ['resourcemanager.projects.get', 'resourcemanager.projects.list']
