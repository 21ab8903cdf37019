import { hostname, userInfo } from 'node:os'

/** Who carries an incident out, as colleagues see it: `ada@bastion (pid 4711)`. */
export function runnerName(env: Readonly<Record<string, string | undefined>>): string {
  return `${userName(env)}@${hostname()} (pid ${process.pid})`
}

function userName(env: Readonly<Record<string, string | undefined>>): string {
  try {
    return userInfo().username
  } catch (cause) {
    // A container may run as a user without a name.
    if ((cause as NodeJS.ErrnoException).code === 'ERR_SYSTEM_ERROR') return env.USER ?? `user ${process.getuid?.()}`
    throw cause
  }
}
