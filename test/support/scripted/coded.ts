/** An error as drivers raise it: a text, and a SQLSTATE or errno name as `code`. */
export function coded(code: string, message = `failed with ${code}`): Error & { readonly code: string } {
  return Object.assign(new Error(message), { code })
}
