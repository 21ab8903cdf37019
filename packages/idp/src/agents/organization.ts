/**
 * The organization that runs the estate. Its agents may create agents in other organizations, each of which begins with one;
 * what is another organization's is out of their reach all the same.
 */
export const operatorOrganization = 'default'

/** What concerns every organization: nobody but the operator's own agents can do anything with these. */
const estateScopes: ReadonlySet<string> = new Set([
  'keyrings:read',
  'keyrings:write',
  'incidents:write',
  'links:write',
  'admin.api',
  'dcr.register',
  'dcr.admin',
])

/** Is this scope of use to agents of this organization? */
export function isOfUse(scope: string, organizationId: string): boolean {
  return organizationId === operatorOrganization || !estateScopes.has(scope)
}
