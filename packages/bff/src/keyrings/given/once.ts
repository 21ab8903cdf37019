/**
 * Says the same about the same once, until there is something else to say about it, or nothing for a while.
 *
 * @returns takes what it is about, and what there is to say now
 */
export function onceInARow(say: (message: string) => void): (about: string, message: string | undefined) => void {
  const said = new Map<string, string | undefined>()
  return (about, message) => {
    if (message !== undefined && said.get(about) !== message) say(message)
    said.set(about, message)
  }
}
