/**
 * The organization that runs the estate. Its agents may create agents in other organizations, each of which begins with one;
 * what is another organization's is out of their reach all the same.
 */
export const operatorOrganization = 'default'
