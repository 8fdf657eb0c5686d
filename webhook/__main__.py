"""`python -m webhook` is the program `scaleguard`."""

from webhook.cli.main import main

if __name__ == "__main__":
    main()
