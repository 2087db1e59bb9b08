/** Texts that want to be code. */
export const nasty = [
  '<script>window.hacked = 1</script>', '<img src=x onerror="window.hacked = 1">', '"><svg onload=window.hacked=1>', 'javascript:window.hacked=1',
  '[x](javascript:window.hacked=1)', '<a href="javascript:window.hacked=1">x</a>', '`<iframe srcdoc="<script>parent.hacked=1</script>">`', '**<b onclick=window.hacked=1>x</b>**',
  'data:text/html,<script>window.hacked=1</script>', '{{constructor.constructor("window.hacked=1")()}}', '&lt;script&gt;window.hacked=1&lt;/script&gt;', '</textarea><script>window.hacked=1</script>',
  'https://example.com/"onmouseover="window.hacked=1', "https://example.com/'><script>window.hacked=1</script>", '%3Cscript%3Ewindow.hacked=1%3C/script%3E', '\u202eevil\u202c <style>*{display:none}</style>',
]
