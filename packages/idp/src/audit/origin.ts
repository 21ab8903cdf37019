/**
 * What the audit of an issuer is called in its checkpoints: the issuer without its scheme, for example `localhost:8002`, as
 * C2SP tlog-checkpoint suggests. The names of signed notes have no plus signs, which paths may have, and no spaces.
 */
export function originOf(issuer: string): string {
  const { host, pathname } = new URL(issuer)
  return `${host}${pathname}`.replace(/\/$/, '').replaceAll('+', '%2B')
}
