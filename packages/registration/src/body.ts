/** The text of a reply, read no further than `mostBytes`. @throws Error for a longer one */
export async function textOf(response: Response, mostBytes: number): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength
    if (size > mostBytes) throw new Error(`the reply is longer than ${mostBytes / 1000} kB`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
