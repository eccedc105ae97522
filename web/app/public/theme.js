// Before anything is drawn: light or dark, where somebody chose one here.
try {
  const theme = localStorage.getItem("sprag-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Without storage it follows the system.
}
