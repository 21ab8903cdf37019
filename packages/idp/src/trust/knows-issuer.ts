/** From this release on our library knows entries of the deny-list about everything that an issuer issued. */
const since = [0, 2, 0]

/**
 * Whether a verifier knows what an entry `{iss, issuedBefore}` means. One that does not refuses the whole event, and every one
 * after it, and so loses its lease.
 *
 * @param library as it names itself: `@rekey/verifier/0.1.0`. Others are taken to know what they acknowledge
 */
export function knowsIssuerEntries(library: string): boolean {
  const [, ...parts] = /^@rekey\/verifier\/(\d+)\.(\d+)\.(\d+)/.exec(library) ?? []
  if (parts.length === 0) return true
  const differs = since.findIndex((part, at) => Number(parts[at]) !== part)
  return differs < 0 || Number(parts[differs]) > (since[differs] as number)
}

/** The ids of those among live verifiers that do not. */
export function withoutIssuerEntries(seen: readonly { id: string; library: string; live: boolean }[]): string[] {
  return seen.filter(({ library, live }) => live && !knowsIssuerEntries(library)).map(({ id }) => id)
}
