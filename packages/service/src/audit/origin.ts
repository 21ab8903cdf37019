/**
 * What the audit of a service is called in its checkpoints: its address without the scheme, for example `localhost:8002`, as
 * C2SP tlog-checkpoint suggests. The names of signed notes have no plus signs, which paths may have, and no spaces.
 */
export function originOf(address: string): string {
  const { host, pathname } = new URL(address)
  return `${host}${pathname}`.replace(/\/$/, '').replaceAll('+', '%2B')
}
