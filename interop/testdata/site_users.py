"""One user, without a table: the backend of site_driver.py."""

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.models import User

PASSWORD = "md5$salt$7cd2e7bd02a8f9a9a2d9bd2b7ea0a0c4"


class Backend(BaseBackend):
    def get_user(self, user_id):
        return User(pk=7, username="alice", password=PASSWORD) if user_id == 7 else None
