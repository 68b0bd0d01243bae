"""The admin's frame, and its page to log in."""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.contrib.admin.forms import AdminAuthenticationForm


class LoginForm(AdminAuthenticationForm):
    error_messages = {
        **AdminAuthenticationForm.error_messages,
        "invalid_login": "Please enter the correct name and password of a staff account. After several failures logins are refused for a "
        "while; one that comes in the same moment as another is refused too: try again.",
    }


class Site(AdminSite):
    site_header = site_title = "FitSize"
    index_title = "What is going on"
    site_url = None
    login_form = LoginForm
