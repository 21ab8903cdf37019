/** What is sealed for one row opens in no other: the token of one user must not become another's by a copy. */
export function recordOf(model: string, idHash: Buffer): string {
  return `oidc/${model}/${idHash.toString('hex')}`
}
