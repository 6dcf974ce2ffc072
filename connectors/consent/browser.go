package consent

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
)

// OpenBrowser opens an address in the person's browser: the program that
// BROWSER names, else the system's own way. It does not wait for it.
func OpenBrowser(address string) error {
	program, args := browser()
	if program == "" {
		return errors.New("no browser is known here")
	}
	cmd := exec.Command(program, append(args, address)...) //nolint:noctx // it outlives the command
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }() // only so that it leaves no zombie
	return nil
}

func browser() (program string, args []string) {
	if named := os.Getenv("BROWSER"); named != "" {
		return named, nil
	}
	switch runtime.GOOS {
	case "darwin":
		return "open", nil
	case "windows":
		return "rundll32", []string{"url.dll,FileProtocolHandler"}
	}
	if os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		return "", nil
	}
	return "xdg-open", nil
}
